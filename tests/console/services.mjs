// Programs that the tests run against: `flotilla serve`, and SeaweedFS with two users.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const WEED = join(process.env["FLOTILLA_TEST_BIN"] ?? "", "weed");
export const FLOTILLA = process.env["FLOTILLA"] ?? "";

/** Why the tests against real programs cannot run; empty: they can. */
export function missing() {
  if (!existsSync(FLOTILLA)) return "flotilla is not built";
  if (!existsSync(WEED)) return "SeaweedFS is not installed";
  const help = spawnSync(FLOTILLA, ["console", "--help"], { timeout: 20_000 });
  return help.status === 0 ? "" : "this flotilla has no console";
}

export function folder() {
  return mkdtempSync(join(tmpdir(), "flotilla-console-"));
}

export async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export async function until(what, ask, seconds = 60) {
  const end = Date.now() + seconds * 1_000;
  for (;;) {
    const found = await ask();
    if (found) return found;
    if (Date.now() > end) throw new Error(`not within ${seconds} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
}

/** Programs that run. A test that fails half-way leaves some. */
const running = new Set();
process.on("exit", () => endAll());
// Without a handler of its own a process that is ended has no exit, and leaves what it started.
for (const signal of ["SIGTERM", "SIGINT"])
  process.once(signal, () => process.exit(1));

/** Ends the programs that a failed start left, so that the test process ends. */
export function endAll() {
  running.forEach((child) => child.kill("SIGKILL"));
}

/** A program with its output, which is ended with its own process id alone. */
export function start(program, args, options = {}) {
  const child = spawn(program, args, {
    stdio: ["ignore", "pipe", "pipe"],
    ...options,
  });
  running.add(child);
  child.once("exit", () => running.delete(child));
  const output = { text: "" };
  for (const stream of [child.stdout, child.stderr])
    stream.on(
      "data",
      (data) => (output.text = (output.text + data).slice(-100_000)),
    );
  const stop = (signal = "SIGTERM") =>
    new Promise((resolve) => {
      if (child.exitCode !== null || child.signalCode !== null)
        return resolve();
      child.once("exit", resolve);
      child.kill(signal);
      setTimeout(() => child.kill("SIGKILL"), 15_000).unref();
    });
  return { child, output, stop };
}

const user = (name, actions) => ({
  name,
  actions,
  credentials: [{ accessKey: name, secretKey: `${name}-secret` }],
});

/**
 * SeaweedFS with a bucket. Of its users, `writer` may do everything, and `partly` may write only keys that begin with
 * these texts; their secrets are `writer-secret` and `partly-secret`.
 */
export async function weed(bucket, writable) {
  const dir = folder();
  const config = join(dir, "s3.json");
  writeFileSync(
    config,
    JSON.stringify({
      identities: [
        user("writer", ["Admin", "Read", "List", "Tagging", "Write"]),
        user("partly", [
          "Read",
          "List",
          ...writable.map((keys) => `Write:${bucket}/${keys}*`),
        ]),
      ],
    }),
  );
  const [master, masterGrpc, volume, volumeGrpc, filer, filerGrpc, s3, s3Grpc] =
    await Promise.all(Array.from({ length: 8 }, freePort));
  const service = start(
    WEED,
    [
      "-logtostderr=true",
      "server",
      "-dir",
      dir,
      "-ip",
      "127.0.0.1",
      "-ip.bind",
      "127.0.0.1",
      "-master.port",
      master,
      "-master.port.grpc",
      masterGrpc,
      "-master.electionTimeout",
      "1s",
      "-master.telemetry=false",
      "-master.volumeSizeLimitMB",
      64,
      "-volume.port",
      volume,
      "-volume.port.grpc",
      volumeGrpc,
      "-volume.max",
      100,
      "-filer",
      "-filer.port",
      filer,
      "-filer.port.grpc",
      filerGrpc,
      "-s3",
      "-s3.port",
      s3,
      "-s3.port.grpc",
      s3Grpc,
      "-s3.port.iceberg",
      0,
      "-s3.port.lance",
      0,
      "-s3.iam=false",
      "-s3.config",
      config,
    ].map(String),
    {
      cwd: dir,
      env: { ...process.env, WEED_MASTER_VOLUME_GROWTH_COPY_1: "1" },
    },
  );
  const answers = (port, path) =>
    fetch(`http://127.0.0.1:${port}${path}`).then(
      ({ ok }) => ok,
      () => false,
    );
  await until(
    "SeaweedFS serves",
    async () =>
      (await answers(master, "/dir/assign")) && (await answers(s3, "/healthz")),
  );
  const made = spawnSync(
    WEED,
    [
      "shell",
      "-master",
      `127.0.0.1:${master}.${masterGrpc}`,
      "-filer",
      `127.0.0.1:${filer}.${filerGrpc}`,
    ],
    { input: `s3.bucket.create -name ${bucket}\n`, timeout: 30_000, cwd: dir },
  );
  if (made.status !== 0) throw new Error(`bucket: ${made.stderr}`);
  return {
    endpoint: `http://127.0.0.1:${s3}`,
    stop: async () => {
      // In good order it takes 15 s.
      await service.stop("SIGKILL");
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/**
 * `flotilla serve` on a state folder, by default a new one, which its end removes. The address has the token that signs
 * in.
 */
export async function flotilla(env, kept = {}) {
  const state = kept.state ?? folder();
  const port = kept.port ?? (await freePort());
  const service = start(
    FLOTILLA,
    ["serve", "--state", state, "--console", `127.0.0.1:${port}`],
    { env: { ...process.env, ...env } },
  );
  const address = await until("serve prints its address", () => {
    if (service.child.exitCode !== null) throw new Error(service.output.text);
    return /https?:\/\/\S+#token=\S+/.exec(service.output.text)?.[0];
  });
  return {
    address,
    state,
    port,
    origin: new URL(address).origin,
    output: service.output,
    stop: async () => {
      await service.stop();
      if (!kept.state) rmSync(state, { recursive: true, force: true });
    },
  };
}
