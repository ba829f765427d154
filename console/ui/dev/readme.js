// The two pictures of the README, with made-up data: `node dev/readme.js DIR`. It needs chromium.
import { chromium } from "playwright-core";
import { uuid } from "./data.js";
import { serve } from "./server.js";

const [dir = "../../docs/images"] = process.argv.slice(2);
const server = await serve(0);
const browser = await chromium.launch({
  executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu"],
});
const page = await browser.newPage({
  viewport: { width: 1280, height: 760 },
  colorScheme: "light",
  locale: "en-GB",
  timezoneId: "UTC",
  reducedMotion: "reduce",
});
for (const [name, path] of [
  ["console-tasks", "/"],
  ["console-run", `/runs/${uuid(16)}`],
]) {
  await page.goto(`http://127.0.0.1:${server.address().port}${path}`);
  await page.waitForTimeout(800);
  await page.screenshot({ path: `${dir}/${name}.png` });
}
await browser.close();
server.closeAllConnections();
server.close();
