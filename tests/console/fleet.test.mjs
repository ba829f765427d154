// The whole path against `flotilla console` over a fleet: SQS and DynamoDB by ministack, a controller and two workers.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { after, before, test } from "node:test";
import { launch } from "./browser.mjs";
import { fleet } from "./fleet.mjs";
import { FLOTILLA, endAll, missing, weed } from "./services.mjs";
import { ENV, pictures, walk } from "./steps.mjs";

const LOOK = "desktop";

const why = missing();
const services = {};
before(async () => {
  if (why) return console.log(`tests/console: the fleet was skipped: ${why}`);
  [services.browser, services.weed, services.fleet] = await Promise.all([
    launch(),
    weed("backup", [`${LOOK}/a`]),
    fleet(ENV),
  ]);
});
after(async () => {
  await services.browser?.close();
  await services.fleet?.stop();
  await services.weed?.stop();
  endAll();
});

/** A prefix of the bucket that has the pictures. */
function upload() {
  const source = pictures();
  const sync = spawnSync(
    FLOTILLA,
    [
      "sync",
      source,
      "s3://backup/pictures",
      "--endpoint-url",
      services.weed.endpoint,
      "--destination-credentials",
      "env:WRITER",
      "--state",
      `${source}.state`,
    ],
    { env: { ...process.env, ...ENV }, timeout: 60_000 },
  );
  for (const folder of [source, `${source}.state`])
    rmSync(folder, { recursive: true, force: true });
  assert.equal(sync.status, 0, String(sync.stderr));
}

test(
  "from nothing to a mended replication over a fleet",
  { skip: why || false },
  async () => {
    upload();
    const { browser, weed: backup } = services;
    const { address } = services.fleet;
    const source = {
      kind: "other",
      bucket: "backup/pictures",
      endpoint: backup.endpoint,
      credentials: "env",
      prefix: "WRITER",
    };
    try {
      await walk(browser, {
        look: LOOK,
        name: "fleet",
        address,
        source,
        backup,
      });
    } catch (error) {
      console.log(services.fleet.output());
      throw error;
    }
  },
);
