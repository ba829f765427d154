// The API of `flotilla serve` against its own document: requests made at random, by schemathesis.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { failedTask, folders, signIn } from "./api.mjs";
import { endAll, flotilla, folder, missing } from "./services.mjs";

const FUZZER = process.env["SCHEMATHESIS"] ?? "";
const IS_LONG = Boolean(process.env["FLOTILLA_TEST_LONG"]);

const why = missing() || (existsSync(FUZZER) ? "" : "no schemathesis");
const trash = [];
let serve;
let me;
before(async () => {
  if (why) return console.log(`tests/console: the API was skipped: ${why}`);
  serve = await flotilla({});
  me = await signIn(serve);
});
after(async () => {
  await serve?.stop();
  endAll();
  for (const path of trash) rmSync(path, { recursive: true, force: true });
});

/** Sends requests for some seconds, with these values of parameters. Gives the report. */
async function fuzz(seconds, parameters) {
  const dir = folder();
  trash.push(dir);
  const lines = Object.entries(parameters).map(
    ([name, value]) => `${name} = ${JSON.stringify(value)}`,
  );
  writeFileSync(
    join(dir, "schemathesis.toml"),
    `[parameters]\n${lines.join("\n")}\n`,
  );
  const options = {
    "--max-time": IS_LONG ? seconds * 15 : seconds,
    "--request-timeout": 20,
    // A stream does not end, a sign-out ends the session, and a deleted task is no data.
    "--exclude-operation-id": ["stream", "login", "logout", "delete_task"],
    "--checks": [
      "not_a_server_error,status_code_conformance,content_type_conformance",
      "response_headers_conformance,response_schema_conformance",
      "missing_required_header,allow_header_conformance",
    ].join(","),
    "--header": Object.entries(me.headers).map(
      ([name, value]) => `${name}: ${value}`,
    ),
    "--seed": process.env["FLOTILLA_TEST_SEED"] ?? 1,
  };
  const words = Object.entries(options).flatMap(([name, values]) =>
    [values].flat().flatMap((value) => [name, String(value)]),
  );
  const child = spawn(
    FUZZER,
    ["run", `${serve.origin}/api/v1/openapi.json`, "--no-color", ...words],
    { cwd: dir },
  );
  let report = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (data) => (report += data));
  const code = await new Promise((resolve) => child.once("exit", resolve));
  assert.equal(code, 0, report.slice(-6_000));
  return report;
}

const settings = { skip: why || false, timeout: 900_000 };
test(
  "answers are as the document says: things that exist",
  settings,
  async () => {
    const stores = folders();
    trash.push(stores.source, stores.destination);
    const { task, run, operation } = await failedTask(me, "photos", stores);
    const report = await fuzz(16, { task, run, operation });
    const [, cases] = /(\d+) generated/.exec(report) ?? [];
    console.log(`tests/console: ${cases} requests for things that exist`);
    const [, selected, tested] =
      /Selected: (\d+)\S*\s+Tested: (\d+)/.exec(report) ?? [];
    assert.equal(tested, selected, report.slice(-2_000));
    assert.equal((await me.send("GET", `/tasks/${task}`)).status, 200);
    assert.equal((await me.send("GET", `/runs/${run}`)).status, 200);
  },
);

test(
  "answers are as the document says: names at random",
  settings,
  async () => {
    await fuzz(8, {});
    assert.equal((await fetch(`${serve.origin}/healthz`)).status, 200);
    assert.doesNotMatch(serve.output.text, /panicked/);
  },
);
