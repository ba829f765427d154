// A store that is slow, and then away, under the open page of a live run.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { after, before, test } from "node:test";
import { signIn } from "./api.mjs";
import { LOOKS, inspect, launch, open } from "./browser.mjs";
import { endAll, flotilla, missing, until, weed } from "./services.mjs";
import { ENV, FILES, pictures } from "./steps.mjs";

const why = missing();
const services = {};
let source;
before(async () => {
  if (why) return console.log(`tests/console: slow was skipped: ${why}`);
  source = pictures();
  [services.browser, services.weed, services.serve] = await Promise.all([
    launch(),
    weed("backup", []),
    flotilla(ENV),
  ]);
  services.relay = await relay(new URL(services.weed.endpoint).port);
});
after(async () => {
  await services.browser?.close();
  await services.serve?.stop();
  services.relay?.close();
  await services.weed?.stop();
  endAll();
  if (source) rmSync(source, { recursive: true, force: true });
});

/** Passes bytes on to a port, each answer `delay` ms late. While it is `away` it closes each connection. */
async function relay(port) {
  const of = { delay: 0, away: false };
  const open = new Set();
  const server = createServer((client) => {
    client.on("error", () => {});
    if (of.away) return client.destroy();
    const store = connect(port, "127.0.0.1");
    for (const [one, other] of [
      [client, store],
      [store, client],
    ]) {
      open.add(one);
      one.on("close", () => {
        open.delete(one);
        other.destroy();
      });
    }
    store.on("error", () => client.destroy());
    client.on("data", (data) => store.write(data));
    store.on("data", (data) =>
      setTimeout(() => client.writable && client.write(data), of.delay),
    );
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return Object.assign(of, {
    endpoint: `http://127.0.0.1:${server.address().port}`,
    leave: () => {
      of.away = true;
      for (const one of open) one.destroy();
    },
    close: () => {
      for (const one of open) one.destroy();
      server.close();
    },
  });
}

test(
  "a live run over a slow store is watched, and says when the store is away",
  { skip: why || false, timeout: 240_000 },
  async () => {
    const { browser, serve, relay: store } = services;
    const { send } = await signIn(serve);
    store.delay = 700;
    // Slow enough that somebody sees it, however fast the machine is.
    const limits = { requests: 6 };
    const made = await send("POST", "/tasks", {
      task: "slow",
      limits,
      source: { location: source },
      destination: {
        location: "s3://backup/slow",
        "endpoint-url": store.endpoint,
        credentials: "env:WRITER",
      },
    });
    assert.equal(made.status, 201, made.text);
    const { run } = (await send("POST", "/tasks/slow/runs", {})).json();
    const copied = async () =>
      (await send("GET", `/runs/${run}`)).json().settled.copied;
    const opened = await open(browser, LOOKS.desktop);
    const { page } = opened;
    await page.goto(serve.address);
    await page.getByRole("link", { name: "slow" }).first().click();
    await page.getByRole("heading", { name: /Live run/ }).waitFor();
    await until("something is copied", async () => (await copied()) > 0);
    // The page moves by itself, and nothing on it is bad.
    const seen = new Set();
    await until("the page shows several steps", async () => {
      const card = page.locator("section.card").first();
      seen.add(await card.textContent());
      return seen.size > 3;
    });
    assert.equal(await page.locator(".notice.bad").count(), 0);
    await inspect(opened, "slow-live-desktop");
    assert.ok((await copied()) < FILES, "the store is slow enough to watch");
    await send("PATCH", "/tasks/slow/limits", { requests: null });
    store.leave();
    const waits = page.locator(".notice", { hasText: /wait/i }).first();
    await waits.waitFor({ timeout: 90_000 });
    await inspect(opened, "slow-away-desktop");
    [store.away, store.delay] = [false, 0];
    await page
      .getByText("Done", { exact: true })
      .first()
      .waitFor({ timeout: 90_000 });
    await waits.waitFor({ state: "detached", timeout: 30_000 });
    assert.equal(await copied(), FILES);
    await inspect(opened, "slow-done-desktop");
    await opened.close();
  },
);
