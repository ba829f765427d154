// The whole path against `flotilla serve` and SeaweedFS. Nothing is done outside the browser.
import { rmSync } from "node:fs";
import { after, before, test } from "node:test";
import { LOOKS, launch } from "./browser.mjs";
import { keys, mouse } from "./hands.mjs";
import { endAll, flotilla, missing, weed } from "./services.mjs";
import { ENV, pictures, walk } from "./steps.mjs";

const why = missing();
const services = {};
let source;
before(async () => {
  if (why) return console.log(`tests/console: the path was skipped: ${why}`);
  source = pictures();
  [services.browser, services.weed] = await Promise.all([
    launch(),
    weed(
      "backup",
      Object.keys(LOOKS).map((look) => `${look}/a`),
    ),
  ]);
});
after(async () => {
  await services.browser?.close();
  await services.weed?.stop();
  endAll();
  if (source) rmSync(source, { recursive: true, force: true });
});

for (const [look, hand] of [
  ["desktop", keys],
  ["phone-zh", mouse],
]) {
  test(
    `from nothing to a mended replication ${hand === keys ? "by keyboard alone" : "by touch"}: ${look}`,
    { skip: why || false },
    async () => {
      const serve = await flotilla(ENV);
      try {
        await walk(services.browser, {
          look,
          hand,
          name: "real",
          address: serve.address,
          source: { kind: "folder", folder: source },
          backup: services.weed,
        });
      } catch (error) {
        console.log(serve.output.text.slice(-3_000));
        throw error;
      } finally {
        await serve.stop();
      }
    },
  );
}
