// Two people at once, slow stores and a slow server, against `flotilla serve`.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { createServer } from "node:net";
import { after, before, test } from "node:test";
import { failedTask, folders, signIn } from "./api.mjs";
import { LOOKS, inspect, launch, open } from "./browser.mjs";
import { endAll, flotilla, missing } from "./services.mjs";

const why = missing();
const trash = [];
const services = {};
before(async () => {
  if (why) return console.log(`tests/console: together was skipped: ${why}`);
  services.browser = await launch();
  services.serve = await flotilla({});
  services.me = await signIn(services.serve);
  const made = folders();
  trash.push(made.source, made.destination);
  await failedTask(services.me, "photos", made);
});
after(async () => {
  await services.browser?.close();
  await services.serve?.stop();
  endAll();
  for (const path of trash) rmSync(path, { recursive: true, force: true });
});
const options = { skip: why || false, timeout: 120_000 };

/** A page that is signed in. */
async function signedIn(look) {
  const opened = await open(services.browser, LOOKS[look]);
  await opened.page.goto(services.serve.address);
  await opened.page.locator("h1").first().waitFor();
  return opened;
}

/** Opens the edit of the task in a page, and enters a description. */
async function describe({ page }, text) {
  await page.goto(`${services.serve.origin}/tasks/photos/edit`);
  await page.getByLabel(/^Description/).fill(text);
  for (let step = 2; step <= 5; step += 1) {
    await page.getByRole("button", { name: "Continue", exact: true }).click();
    await page.locator(`.steps li:nth-child(${step}).now`).waitFor();
  }
}
const save = ({ page }) =>
  page.getByRole("button", { name: "Save changes", exact: true }).click();
const saved = async () =>
  (await services.me.send("GET", "/tasks/photos/definition")).json().definition;

test("two tabs that edit one task lose nothing", options, async () => {
  const [first, second] = [await signedIn("desktop"), await signedIn("phone")];
  await describe(first, "written first");
  await describe(second, "written second");
  await save(first);
  await first.page.waitForURL(/\/tasks\/photos$/);
  await save(second);
  const row = second.page.locator(".conflict tr.both");
  await row.waitFor();
  const text = await row.textContent();
  for (const value of ["description", "written first", "written second"])
    assert.ok(text.includes(value), text);
  await inspect(second, "conflict-phone");
  assert.equal((await saved()).description, "written first");
  await second.page
    .getByRole("button", { name: "Keep my changes on top" })
    .click();
  await save(second);
  await second.page.waitForURL(/\/tasks\/photos$/);
  assert.equal((await saved()).description, "written second");
  await first.close();
  await second.close();
});

test("descriptions with markup are shown as text", options, async () => {
  const opened = await signedIn("desktop");
  const text = '<img src=x onerror="globalThis.ran=1"> \u202Etxt';
  await describe(opened, text);
  await save(opened);
  await opened.page.waitForURL(/\/tasks\/photos$/);
  await opened.page.getByText("<img src=x", { exact: false }).first().waitFor();
  await opened.page
    .locator(".escape", { hasText: "\\u{202e}" })
    .first()
    .waitFor();
  assert.equal(await opened.page.evaluate(() => globalThis.ran), undefined);
  const name = opened.page.getByLabel("Name of the task");
  await opened.page.goto(`${services.serve.origin}/new`);
  await name.fill("<b>photos</b>");
  await opened.page.getByText("A name has 1 to 40 small letters").waitFor();
  await inspect(opened, "markup-desktop");
  await opened.close();
});

test("changes of all tasks are found by task and person", options, async () => {
  const opened = await signedIn("desktop");
  const { page } = opened;
  await page.getByRole("link", { name: "Changes" }).click();
  await page.waitForURL(/\/changes$/);
  const created = page.getByRole("row", { name: /Created.*photos.*flotilla/ });
  await created.waitFor();
  await page.getByLabel("By").fill("nobody at all");
  await page.getByText("No changes recorded").waitFor();
  assert.match(page.url(), /who=nobody/);
  await page.getByLabel("By").fill("FLOT");
  await page.getByLabel("Task").fill("photos");
  await page.waitForURL(/task=photos/);
  await created.waitFor();
  await inspect(opened, "changes-found-desktop");
  await opened.close();
});

test("each page opens by its address in a new tab", options, async () => {
  const opened = await signedIn("desktop");
  const { origin } = services.serve;
  const task = (await services.me.send("GET", "/tasks/photos")).json();
  const run = task.last_run.id;
  const pages = {
    "/": "photos",
    "/?status=failed": "photos",
    "/tasks/photos": "photos",
    "/tasks/photos?tab=runs": run.slice(-8),
    "/tasks/photos?tab=queues": "Messages",
    "/tasks/photos?tab=notices": "Nobody is notified",
    "/tasks/photos?tab=definition": "photos",
    "/tasks/photos?tab=changes": "Created",
    "/tasks/photos/edit": "photos",
    "/tasks/photos/clone": "photos",
    [`/runs/${run}`]: run.slice(-8),
    "/objects?task=photos&key=a": "Copied",
    "/failures": "photos",
    "/changes?task=photos": "Created",
    "/machines": "Machines",
    "/credentials": "Credentials",
    "/settings": "Time zone",
    "/new": "Name of the task",
  };
  for (const [path, text] of Object.entries(pages)) {
    const page = await opened.page.context().newPage();
    await page.goto(origin + path);
    const main = page.locator("main");
    await main.getByText(text, { exact: false }).first().waitFor();
    assert.equal(await page.locator(".notice.bad [role=alert]").count(), 0);
    assert.equal(page.url(), origin + path, "the address stays");
    await page.close();
  }
  await opened.close();
});

test("a slow server shows that pages load", options, async () => {
  const opened = await signedIn("phone");
  const { page } = opened;
  let slow = () => {};
  const released = new Promise((resolve) => (slow = resolve));
  await page.route(/\/api\/v1\/(?!features|me|stream)/, async (route) => {
    await released;
    await route.continue().catch(() => {});
  });
  for (const path of [
    "/",
    "/tasks/photos",
    "/failures",
    "/machines",
    "/credentials",
  ]) {
    await page.goto(services.serve.origin + path);
    await page.locator(".skeleton.shown").first().waitFor();
    assert.equal(await page.locator(".notice.bad").count(), 0, path);
  }
  await inspect(opened, "loading-phone");
  slow();
  await page.locator(".skeleton").waitFor({ state: "detached" });
  await page.locator(".card").first().waitFor();
  await opened.close();
});

/** A server that takes connections and answers nothing. */
async function silent() {
  const sockets = new Set();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  return { endpoint: `http://127.0.0.1:${server.address().port}`, close };
}

test(
  "a store that never answers fails a connection test",
  options,
  async () => {
    const store = await silent();
    const opened = await signedIn("desktop");
    const { page } = opened;
    try {
      await page.goto(`${services.serve.origin}/new`);
      const [source, destination] = [0, 1].map((side) =>
        page.locator(".side-form").nth(side),
      );
      await source.getByLabel("Kind").selectOption("folder");
      await source.getByLabel("Path").fill(trash[0]);
      await destination.getByLabel("Kind").selectOption("other");
      await destination.getByLabel("Bucket and prefix").fill("backup");
      await destination.getByLabel("Endpoint URL").fill(store.endpoint);
      await destination
        .getByLabel("Credentials", { exact: true })
        .selectOption("anonymous");
      await destination
        .getByRole("button", { name: "Test connection" })
        .click();
      await destination.locator("[aria-busy=true]").waitFor();
      await destination
        .getByText("It does not work")
        .waitFor({ timeout: 60_000 });
      await destination.getByText("The connection failed").first().waitFor();
      await inspect(opened, "slow-store-desktop");
    } finally {
      store.close();
      await opened.close();
    }
  },
);
