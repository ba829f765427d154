// Names that somebody hostile chose, against `flotilla serve`: no page runs them, and none grows wider by them.
import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { failedTask, signIn } from "./api.mjs";
import { LOOKS, inspect, launch, open } from "./browser.mjs";
import { endAll, flotilla, folder, missing } from "./services.mjs";

const KEYS = [
  "<img src=x onerror=globalThis.ran=1>.jpg",
  '"><svg onload=globalThis.ran=1>.jpg',
  "javascript:globalThis.ran=1",
  "\u202Egnp.gpj\u2066 مرحبا بالعالم.jpg",
  "🧑‍🚀🏴‍☠️ e\u0301e\u0301.png",
  "line\nbreak\ttab\u0001\u001b[31m.jpg",
  "{{constructor.constructor('globalThis.ran=1')()}} %00 ..%2f #?&.jpg",
  "W".repeat(250),
  Array(5).fill("long".repeat(50)).join("/"),
];

const why = missing();
const trash = [];
const services = {};
before(async () => {
  if (why) return console.log(`tests/console: names were skipped: ${why}`);
  services.browser = await launch();
  services.serve = await flotilla({});
  services.me = await signIn(services.serve);
});
after(async () => {
  await services.browser?.close();
  await services.serve?.stop();
  endAll();
  for (const path of trash) rmSync(path, { recursive: true, force: true });
});

/** Folders between which nothing can be copied: at the destination, folders have the names of the files. */
function blocked() {
  const [source, destination] = [folder(), folder()];
  trash.push(source, destination);
  for (const key of KEYS) {
    const file = join(source, key);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, key);
    mkdirSync(join(destination, key), { recursive: true });
    writeFileSync(join(destination, key, "in the way"), "");
  }
  return { source, destination };
}

test(
  "hostile names are shown as text",
  { skip: why || false, timeout: 300_000 },
  async () => {
    const { me, serve } = services;
    const { run } = await failedTask(me, "hostile", blocked());
    const failed = (await me.send("GET", `/runs/${run}/failures`)).json();
    const keys = failed.items.map(({ key }) => key);
    assert.deepEqual(keys.toSorted(), KEYS.toSorted());
    const pages = {
      tasks: "/?search=%3Cscript%3Eran%3D1",
      task: "/tasks/hostile",
      run: `/runs/${run}`,
      failures: "/failures",
      changes: "/changes",
      object: `/objects?task=hostile&key=${encodeURIComponent(KEYS[0])}`,
      "object-long": `/objects?task=hostile&key=${encodeURIComponent(KEYS.at(-1))}`,
    };
    for (const look of ["desktop", "phone"]) {
      const opened = await open(services.browser, LOOKS[look]);
      await opened.page.goto(serve.address);
      await opened.page.locator("h1").waitFor();
      for (const [name, path] of Object.entries(pages)) {
        await opened.page.goto(serve.origin + path);
        await opened.page.locator("h1").waitFor();
        await opened.page.waitForFunction(
          () => !document.querySelector(".skeleton"),
        );
        const text = await opened.page.locator("body").innerText();
        assert.doesNotMatch(text, /[\u202a-\u202e\u2066\u2067\u0007]/, name);
        assert.equal(
          await opened.page.evaluate(() => globalThis.ran),
          undefined,
          `${name} ran a name`,
        );
        await inspect(opened, `hostile-${name}-${look}`);
      }
      await opened.close();
    }
  },
);
