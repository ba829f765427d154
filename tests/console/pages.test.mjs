// Every page with made-up data, in both languages and themes, on a desk and on a phone.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { uuid } from "../../console/ui/dev/data.js";
import { serve } from "../../console/ui/dev/server.js";
import { LOOKS, inspect, launch, open } from "./browser.mjs";

const PAGES = {
  tasks: ["", "/"],
  "tasks-none": ["empty", "/"],
  "tasks-error": ["error", "/"],
  "tasks-viewer": ["viewer", "/"],
  task: ["", "/tasks/photos-to-backup"],
  "task-failed": ["", "/tasks/tenant-assets"],
  "task-runs": ["", "/tasks/photos-to-backup?tab=runs"],
  "task-queues": ["", "/tasks/tenant-assets?tab=queues"],
  "task-notices": ["", "/tasks/catalog-mirror?tab=notices"],
  "task-notices-none": ["", "/tasks/photos-to-backup?tab=notices"],
  "task-definition": ["", "/tasks/photos-to-backup?tab=definition"],
  "task-changes": ["", "/tasks/photos-to-backup?tab=changes"],
  "run-live": ["", `/runs/${uuid(25)}`],
  "run-failed": ["", `/runs/${uuid(16)}?cause=denied`],
  new: ["", "/new"],
  edit: ["", "/tasks/photos-to-backup/edit"],
  failures: ["", "/failures"],
  "failures-none": ["empty", "/failures"],
  object: ["", "/objects?task=photos-to-backup&key=2026/11/03/IMG_48312.CR3"],
  "object-unknown": ["", "/objects?task=photos-to-backup&key=nothing"],
  changes: ["", "/changes"],
  machines: ["", "/machines"],
  "machines-none": ["empty", "/machines"],
  credentials: ["", "/credentials"],
  settings: ["", "/settings"],
  "not-found": ["", "/nowhere"],
  "sign-in": ["out", "/"],
  "sign-in-failed": ["out", "/?sign-in=no-role"],
};

const servers = {};
let browser;
before(async () => {
  browser = await launch();
  for (const mode of ["", "empty", "error", "viewer", "out"])
    servers[mode] = await serve(0, mode);
});
after(async () => {
  await browser?.close();
  for (const server of Object.values(servers)) {
    server.closeAllConnections();
    server.close();
  }
});
const at = (mode, path) =>
  `http://127.0.0.1:${servers[mode].address().port}${path}`;

for (const [look, settings] of Object.entries(LOOKS)) {
  test(`every page is whole and accessible: ${look}`, async () => {
    const opened = await open(browser, settings);
    const problems = [];
    for (const [name, [mode, path]] of Object.entries(PAGES)) {
      await opened.page.goto(at(mode, path));
      await opened.page.locator("h1").first().waitFor();
      await opened.page.waitForFunction(
        () => !document.querySelector(".skeleton"),
        undefined,
        { timeout: 5_000 },
      );
      await inspect(opened, `${name}-${look}`).catch((error) =>
        problems.push(error.message),
      );
      opened.errors.length = 0;
    }
    await opened.close();
    assert.deepEqual(problems, []);
  });
}

test("a page without its server says so, keeps its data and comes back", async () => {
  const opened = await open(browser, LOOKS.desktop);
  const server = await serve(0, "");
  const { port } = server.address();
  const { page } = opened;
  await page.goto(`http://127.0.0.1:${port}/`);
  await page.getByRole("link", { name: "photos-to-backup" }).first().waitFor();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await page.locator(".offline").waitFor();
  await page.getByRole("link", { name: "photos-to-backup" }).first().waitFor();
  await inspect(opened, "offline-desktop");
  const again = await serve(port, "");
  await page.locator(".offline").waitFor({ state: "detached" });
  again.closeAllConnections();
  again.close();
  await opened.close();
});

test("live numbers move nothing else on the page", async () => {
  const opened = await open(browser, LOOKS.desktop);
  const { page } = opened;
  await page.goto(at("", "/"));
  const row = page.getByRole("row", { name: /weekly-dr-copy/ });
  await row.waitFor();
  const before = await row.boundingBox();
  const share = await page
    .locator(".row-progress .under")
    .first()
    .textContent();
  await page.waitForFunction(
    (share) =>
      document.querySelector(".row-progress .under")?.textContent !== share,
    share,
  );
  assert.deepEqual(await row.boundingBox(), before);
  await opened.close();
});

test("a task's page with a live run does not jump", async () => {
  const opened = await open(browser, LOOKS.desktop);
  const { page } = opened;
  await page.goto(at("", "/tasks/photos-to-backup"));
  const settled = page.locator(".legend, .under").first();
  await settled.waitFor();
  await page.waitForFunction(() => !document.querySelector(".skeleton"));
  // What stands where before the updates, and each shift that the browser itself counts.
  const places = () =>
    page.evaluate(() =>
      [...document.querySelectorAll("h1, h2, .card, .tabs, .stat, .chart")].map(
        (box) => {
          const { x, y, width, height } = box.getBoundingClientRect();
          return `${box.className || box.tagName}: ${[x, y, width, height]
            .map(Math.round)
            .join(" ")}`;
        },
      ),
    );
  await page.evaluate(() => {
    globalThis.shifts = [];
    new PerformanceObserver((list) => {
      for (const one of list.getEntries())
        globalThis.shifts.push(
          ...one.sources.map(({ node }) => `${one.value} ${node?.className}`),
        );
    }).observe({ type: "layout-shift" });
  });
  const before = await places();
  assert.ok(before.length > 10, before.join("; "));
  for (let update = 0; update < 4; update += 1) {
    const text = await page.locator("main").textContent();
    await page.waitForFunction(
      (text) => document.querySelector("main")?.textContent !== text,
      text,
    );
    assert.deepEqual(await places(), before);
  }
  assert.deepEqual(await page.evaluate(() => globalThis.shifts), []);
  await opened.close();
});

test("times are those of the chosen zone", async () => {
  const opened = await open(browser, LOOKS.desktop);
  const { page } = opened;
  const shown = () =>
    page.evaluate(() => {
      const time = document.querySelector("main time");
      return [time?.getAttribute("datetime"), time?.getAttribute("title")];
    });
  const expected = (iso, zone) =>
    new Intl.DateTimeFormat("en-GB", {
      dateStyle: "medium",
      timeStyle: "medium",
      timeZone: zone,
    }).format(new Date(iso));
  // Of these, one is half an hour from the others, and two have another day at most hours.
  for (const zone of ["Asia/Kolkata", "Pacific/Auckland", "Pacific/Honolulu"]) {
    await page.goto(at("", "/settings"));
    await page.getByLabel("Time zone").fill(zone);
    await page
      .getByText(`now in ${zone}`)
      .or(page.getByText(zone))
      .first()
      .waitFor();
    await page.goto(at("", "/tasks/catalog-mirror"));
    await page.locator("main time").first().waitFor();
    const [iso, title] = await shown();
    assert.equal(title, expected(iso, zone), zone);
  }
  await opened.close();
});

test("language, theme and time zone are kept", async () => {
  const opened = await open(browser, LOOKS.desktop);
  const { page } = opened;
  await page.goto(at("", "/settings"));
  await page.getByLabel("Language").selectOption("zh");
  await page.getByLabel("主题").selectOption("dark");
  await page.getByLabel("时区").fill("Asia/Shanghai");
  await page.reload();
  assert.equal(await page.locator("html").getAttribute("lang"), "zh-CN");
  assert.equal(await page.locator("html").getAttribute("data-theme"), "dark");
  await page.getByText("Asia/Shanghai 当前时间").waitFor();
  await opened.close();
});
