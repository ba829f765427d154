// Trouble under an open page of `flotilla serve`: the program is started anew, its ledger is locked.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { failedTask, folders, signIn } from "./api.mjs";
import { LOOKS, inspect, launch, open } from "./browser.mjs";
import { endAll, flotilla, folder, missing } from "./services.mjs";

const why = missing();
const trash = [];
let browser;
before(async () => {
  if (why) return console.log(`tests/console: trouble was skipped: ${why}`);
  browser = await launch();
});
after(async () => {
  await browser?.close();
  endAll();
  for (const path of trash) rmSync(path, { recursive: true, force: true });
});

function stores() {
  const made = folders();
  trash.push(made.source, made.destination);
  return made;
}

test(
  "regression: a page signs in anew after its server was started anew",
  { skip: why || false, timeout: 120_000 },
  async () => {
    const state = folder();
    trash.push(state);
    const first = await flotilla({}, { state });
    await failedTask(await signIn(first), "photos", stores());
    const opened = await open(browser, LOOKS.desktop);
    const { page } = opened;
    await page.goto(first.address);
    await page.getByRole("link", { name: "photos" }).first().waitFor();
    await first.stop();
    await page.locator(".offline").waitFor();
    await page.getByRole("link", { name: "photos" }).first().waitFor();
    const second = await flotilla({}, { state, port: first.port });
    await page.getByRole("heading", { name: /sign in/i }).waitFor();
    await inspect(opened, "signed-out-by-restart-desktop");
    await page.goto(second.address);
    await page.getByRole("link", { name: "photos" }).first().waitFor();
    await opened.close();
    await second.stop();
  },
);

/** Holds the write lock of each database in a folder for some seconds. Resolves when they are locked. */
async function lock(state, seconds) {
  const files = readdirSync(state).filter((name) =>
    /\.(db|sqlite3?)$/.test(name),
  );
  assert.ok(files.length > 0, readdirSync(state).join(" "));
  const script = `
import sqlite3, sys, time
held = [sqlite3.connect(name, isolation_level=None) for name in sys.argv[2:]]
for one in held: one.execute("begin immediate")
print("locked", flush=True)
time.sleep(float(sys.argv[1]))
`;
  const child = spawn("python3", [
    "-c",
    script,
    String(seconds),
    ...files.map((name) => join(state, name)),
  ]);
  await new Promise((resolve, reject) => {
    child.stdout.once("data", resolve);
    child.once("exit", () => reject(new Error("the lock was not taken")));
  });
}

test(
  "a locked ledger delays changes, and reads go on",
  { skip: why || false, timeout: 120_000 },
  async () => {
    const serve = await flotilla({});
    const me = await signIn(serve);
    await failedTask(me, "photos", stores());
    await lock(serve.state, 3);
    assert.equal((await me.send("GET", "/tasks/photos")).status, 200);
    assert.equal((await me.send("GET", "/tasks")).status, 200);
    const paused = await me.send("POST", "/tasks/photos/pause");
    assert.ok([202, 503].includes(paused.status), paused.text);
    const task = (await me.send("GET", "/tasks/photos")).json();
    assert.equal(task.state, paused.status === 202 ? "paused" : "active");
    await serve.stop();
  },
);
