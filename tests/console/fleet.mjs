// A fleet over ministack: its table and queues, a controller, a console and two workers.
import { spawnSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FLOTILLA, folder, freePort, start, until } from "./services.mjs";

const MINISTACK = join(process.env["FLOTILLA_TEST_BIN"] ?? "", "ministack");
const WORKER = join(FLOTILLA, "..", "worker");
/** A controller makes a pass each minute. Several of them may work: this one makes a pass each 3 s. */
const PASS_EVERY = 3_000;

/** ministack, for SQS and DynamoDB. It checks no signatures. */
export async function ministack() {
  const dir = folder();
  const port = await freePort();
  const service = start(MINISTACK, [], {
    cwd: dir,
    env: {
      ...process.env,
      HOME: dir,
      BIND_HOST: "127.0.0.1",
      GATEWAY_PORT: String(port),
      // It would listen on all interfaces, on one fixed port.
      IOT_MTLS_ENABLED: "0",
    },
  });
  const endpoint = `http://127.0.0.1:${port}`;
  await until("ministack serves", async () => {
    if (service.child.exitCode !== null) throw new Error(service.output.text);
    const health = fetch(`${endpoint}/_ministack/health`);
    return health.then(
      ({ ok }) => ok,
      () => false,
    );
  });
  return {
    endpoint,
    stop: async () => {
      await service.stop("SIGKILL");
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** The fleet file of a fleet over a service that takes the place of AWS. */
export function fleetFile(name, endpoint) {
  const service = [
    `endpoint-url = "${endpoint}"`,
    'region = "us-east-1"',
    'credentials = "env:WRITER"',
  ].join("\n");
  return (
    `name = "${name}"\n[queue]\n${service}\n[ledger]\ntable = "${name}"\n${service}\n` +
    '[work]\nconcurrency = 16\nlease = "20s"\n'
  );
}

/** A fleet at work. The address has the token that signs in to its console. */
export async function fleet(env) {
  const amazon = await ministack();
  const dir = folder();
  const file = join(dir, "fleet.toml");
  writeFileSync(file, fleetFile("pictures", amazon.endpoint));
  const options = {
    env: { ...process.env, ...env, AWS_EC2_METADATA_DISABLED: "true" },
  };
  const made = spawnSync(FLOTILLA, ["init", "--fleet", file], {
    ...options,
    timeout: 60_000,
  });
  if (made.status !== 0) throw new Error(`init: ${made.stderr}`);
  const run = (program, ...words) =>
    start(program, [...words, "--fleet", file], options);
  const port = await freePort();
  const console = run(FLOTILLA, "console", "--listen", `127.0.0.1:${port}`);
  const workers = ["ada", "bob"].map((name) => run(WORKER, "--name", name));
  const controller = passes(() => run(FLOTILLA, "controller", "--once"));
  const programs = [console, ...workers];
  const address = await until("the console prints its address", () => {
    if (console.child.exitCode !== null) throw new Error(console.output.text);
    return /https?:\/\/\S+#token=\S+/.exec(console.output.text)?.[0];
  });
  return {
    address,
    origin: new URL(address).origin,
    workers,
    /** What all programs wrote, for a test that fails. */
    output: () =>
      [...programs.map(({ output }) => output.text), controller.output()]
        .map((text) => text.slice(-2_000))
        .join("\n----\n"),
    stop: async () => {
      await controller.stop();
      await Promise.all(programs.map((program) => program.stop()));
      await amazon.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Passes of a controller, one after another. */
function passes(begin) {
  let stopped = false;
  let output = "";
  const all = (async () => {
    while (!stopped) {
      const pass = begin();
      await new Promise((resolve) => pass.child.once("exit", resolve));
      output = (output + pass.output.text).slice(-10_000);
      await new Promise((resolve) => setTimeout(resolve, PASS_EVERY));
    }
  })();
  return {
    output: () => output,
    stop: () => {
      stopped = true;
      return all;
    },
  };
}
