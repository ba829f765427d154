// Pictures of all pages with made-up data, to be looked at: `node dev/shots.js DIR [NAME…]`. It needs chromium.
import { mkdirSync } from "node:fs";
import { chromium } from "playwright-core";
import { uuid } from "./data.js";
import { serve } from "./server.js";

const PAGES = {
  tasks: ["", "/"],
  task: ["", "/tasks/photos-to-backup"],
  failed: ["", "/tasks/tenant-assets"],
  runs: ["", "/tasks/photos-to-backup?tab=runs"],
  queues: ["", "/tasks/tenant-assets?tab=queues"],
  definition: ["", "/tasks/photos-to-backup?tab=definition"],
  changes: ["", "/tasks/photos-to-backup?tab=changes"],
  run: ["", `/runs/${uuid(16)}`],
  live: ["", `/runs/${uuid(25)}`],
  new: ["", "/new"],
  edit: ["", "/tasks/photos-to-backup/edit"],
  failures: ["", "/failures"],
  objects: ["", "/objects?task=photos-to-backup&key=2026/11/03/IMG_48312.CR3"],
  machines: ["", "/machines"],
  credentials: ["", "/credentials"],
  settings: ["", "/settings"],
  lost: ["", "/nowhere"],
  empty: ["empty", "/"],
  error: ["error", "/"],
  signin: ["out", "/"],
};
const [dir = "target/shots", ...wanted] = process.argv.slice(2);
const names = wanted.filter((name) => name in PAGES);
const looks = [
  ["en", "light", 1280],
  ["en", "dark", 1280],
  ["zh", "light", 1280],
  ["en", "light", 390],
  ["zh", "dark", 390],
].filter((look) => !process.env["LOOK"] || look.join("-").startsWith(process.env["LOOK"]));

mkdirSync(dir, { recursive: true });
const browser = await chromium.launch({
  executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"],
});
const servers = {};
for (const mode of ["", "empty", "error", "out"]) servers[mode] = await serve(0, mode);
for (const [language, scheme, width] of looks) {
  const context = await browser.newContext({
    viewport: { width, height: width > 600 ? 800 : 844 },
    colorScheme: scheme,
    locale: language === "zh" ? "zh-CN" : "en-GB",
    timezoneId: "Europe/Berlin",
    reducedMotion: "reduce",
  });
  const page = await context.newPage();
  page.on(
    "console",
    (message) => message.type() === "error" && !/401|404|500/.test(message.text()) && console.log(message.text()),
  );
  page.on("pageerror", (error) => console.log(String(error)));
  for (const name of names.length ? names : Object.keys(PAGES)) {
    const [mode, path] = PAGES[name];
    await page.goto(`http://127.0.0.1:${servers[mode].address().port}${path}`);
    await page.waitForTimeout(500);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    if (wide > 0) console.log(`${name} ${language} ${width}: ${wide} px too wide`);
    await page.screenshot({ path: `${dir}/${name}-${language}-${scheme}-${width}.png`, fullPage: true });
  }
  await context.close();
}
await browser.close();
Object.values(servers).forEach((server) => {
  server.closeAllConnections();
  server.close();
});
