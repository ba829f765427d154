// Two replicas of a console over one fleet at ministack, behind one address and one provider: roles, and signing out.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { spawnSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fleetFile, ministack } from "./fleet.mjs";
import { issuer } from "./issuer.mjs";
import {
  FLOTILLA,
  endAll,
  folder,
  freePort,
  missing,
  start,
  until,
} from "./services.mjs";
import { ENV } from "./steps.mjs";

const why = missing();
const V = "/api/v1";
const HOST = "flotilla.example.com";
const RANKS = ["none", "viewer", "operator", "admin"];
const GROUPS = { viewer: "staff", operator: "ops", admin: "owners" };
const at = {};

/** Sends a request to a replica as the proxy before both does. */
function send(port, method, path, headers = {}, body = "") {
  return new Promise((resolve, reject) => {
    const options = { host: "127.0.0.1", port, method, path };
    const json = body ? { "content-type": "application/json" } : {};
    const sent = request(
      { ...options, headers: { host: HOST, ...json, ...headers } },
      async (answer) => {
        let text = "";
        for await (const data of answer) text += data;
        resolve({ status: answer.statusCode, headers: answer.headers, text });
      },
    );
    sent.on("error", reject);
    sent.end(body);
  });
}

async function replica(file, oidc) {
  const port = await freePort();
  const words = ["--fleet", file, "--listen", `127.0.0.1:${port}`];
  const program = start(FLOTILLA, ["console", ...words, "--oidc", oidc], {
    env: { ...process.env, ...ENV, AWS_EC2_METADATA_DISABLED: "true" },
  });
  await until("a replica answers", () =>
    send(port, "GET", "/healthz").then(
      ({ status }) => status === 200,
      () => false,
    ),
  );
  return { port, program };
}

before(async () => {
  if (why) return console.log(`tests/console: roles was skipped: ${why}`);
  at.dir = folder();
  [at.amazon, at.provider] = await Promise.all([ministack(), issuer()]);
  const file = join(at.dir, "fleet.toml");
  writeFileSync(file, fleetFile("roles", at.amazon.endpoint));
  const made = spawnSync(FLOTILLA, ["init", "--fleet", file], {
    env: { ...process.env, ...ENV, AWS_EC2_METADATA_DISABLED: "true" },
    timeout: 60_000,
  });
  assert.equal(made.status, 0, String(made.stderr));
  const [oidc, key] = [join(at.dir, "oidc.toml"), join(at.dir, "key")];
  writeFileSync(key, randomBytes(32).toString("base64"));
  const text = [
    `issuer = "${at.provider.url}"`,
    'client-id = "console"',
    `public-url = "https://${HOST}"`,
    `cookie-key = "file:${key}"`,
    "[roles]",
    ...Object.entries(GROUPS).map(([role, group]) => `${role} = ["${group}"]`),
  ];
  writeFileSync(oidc, text.join("\n"));
  at.one = await replica(file, oidc);
  at.two = await replica(file, oidc);
});
after(async () => {
  await Promise.all([at.one, at.two].map((one) => one?.program.stop()));
  await at.provider?.stop();
  await at.amazon?.stop();
  endAll();
  if (at.dir) rmSync(at.dir, { recursive: true, force: true });
});
const options = { skip: why || false, timeout: 120_000 };

function claims(group) {
  const seconds = Math.floor(Date.now() / 1000);
  const who = { sub: group, email: `${group}@example.com` };
  const times = { iat: seconds, exp: seconds + 600 };
  const for_ = { iss: at.provider.url, aud: "console" };
  return { ...who, email_verified: true, groups: [group], ...for_, ...times };
}

/** Headers of a script of somebody with a role. */
const script = (role) =>
  role === "none"
    ? {}
    : {
        authorization: `Bearer ${at.provider.signed(claims(GROUPS[role]))}`,
      };

test("over DynamoDB each operation is its roles' alone", options, async () => {
  const { port } = at.one;
  const folders = ["from", "to"].map((name) => join(at.dir, name));
  const definition = {
    task: "photos",
    source: { location: folders[0] },
    destination: { location: folders[1] },
  };
  const made = await send(
    port,
    "POST",
    `${V}/tasks`,
    script("admin"),
    JSON.stringify(definition),
  );
  assert.equal(made.status, 201, made.text);
  const { paths } = JSON.parse(
    (await send(port, "GET", `${V}/openapi.json`, script("viewer"))).text,
  );
  const wrong = [];
  let walked = 0;
  for (const [path, item] of Object.entries(paths)) {
    if (path.endsWith("/stream")) continue;
    for (const [method, operation] of Object.entries(item)) {
      const needs = operation["x-role"];
      assert.ok(RANKS.includes(needs), `${method} ${path}: ${needs}`);
      // What changes something names what is not there: nothing is deleted before the end of the walk.
      const task = method === "get" ? "photos" : "none";
      const to = `${path
        .replace("{task}", task)
        .replace(/\{\w+\}/g, "none")}?key=k&task=photos`;
      for (const role of RANKS) {
        const sent = await send(port, method.toUpperCase(), to, script(role));
        const may = RANKS.indexOf(role) >= RANKS.indexOf(needs);
        const refused = role === "none" ? 401 : 403;
        const isRight = may
          ? ![401, 403].includes(sent.status) && sent.status < 500
          : sent.status === refused;
        if (!isRight && path !== `${V}/login`)
          wrong.push(`${method} ${path} as ${role}: ${sent.status}`);
        walked += 1;
      }
    }
  }
  assert.deepEqual(wrong, []);
  assert.ok(walked > 120, String(walked));
});

test("who signs out in one replica is out in the other", options, async () => {
  const cookies = (answer) =>
    (answer.headers["set-cookie"] ?? [])
      .map((cookie) => cookie.split(";")[0])
      .filter((cookie) => !cookie.endsWith("="))
      .join("; ");
  const signIn = async () => {
    const begun = await send(at.one.port, "GET", `${V}/login/oidc`);
    const grant = at.provider.grant(begun.headers.location, claims("ops"));
    const to = `${V}/login/callback?${new URLSearchParams(grant)}`;
    const done = await send(at.two.port, "GET", to, { cookie: cookies(begun) });
    assert.equal(done.status, 303, done.text);
    const session = done.headers.location.split("#session=")[1];
    return { cookie: cookies(done), "x-flotilla-session": session };
  };
  const looks = (replica, headers) =>
    send(replica.port, "GET", `${V}/tasks`, headers).then(
      ({ status }) => status,
    );
  const [mine, other] = [await signIn(), await signIn()];
  for (const replica of [at.one, at.two])
    assert.deepEqual([await looks(replica, mine)], [200]);
  const origin = { origin: `https://${HOST}` };
  const out = await send(at.one.port, "POST", `${V}/logout`, {
    ...mine,
    ...origin,
  });
  assert.equal(out.status, 204, out.text);
  assert.equal(await looks(at.one, mine), 401, "at once where it was");
  await until("the other replica refuses it", async () => {
    return (await looks(at.two, mine)) === 401;
  });
  assert.equal(await looks(at.two, other), 200, "another session goes on");
});
