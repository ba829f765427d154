// Sign-in at an OpenID provider, with the real `flotilla serve`.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
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

const why = missing();
const skip = why || false;
const LONG = process.env["FLOTILLA_TEST_LONG"];
const V = "/api/v1";
const stops = [];
after(async () => {
  await Promise.all(stops.map((stop) => stop()));
  endAll();
});

/** A provider, and `flotilla serve` that knows it. */
async function served(mode) {
  const [provider, port, dir] = [
    await issuer(mode),
    await freePort(),
    folder(),
  ];
  const origin = `http://127.0.0.1:${port}`;
  const file = join(dir, "oidc.toml");
  const text = [
    `issuer = "${provider.url}"`,
    'client-id = "console"',
    'audience = "api"',
    `public-url = "${origin}"`,
    "[roles]",
    'viewer = ["staff"]',
    'operator = ["ops"]',
    'admin = ["owners"]',
  ];
  writeFileSync(file, text.join("\n"));
  const words = [
    "--state",
    join(dir, "state"),
    "--console",
    `127.0.0.1:${port}`,
  ];
  const service = start(FLOTILLA, ["serve", ...words, "--oidc", file]);
  stops.push(async () => {
    await service.stop();
    await provider.stop();
    rmSync(dir, { recursive: true, force: true });
  });
  await until("serve answers", () =>
    fetch(`${origin}/healthz`).then(
      ({ ok }) => ok,
      () => false,
    ),
  );
  const ask = (path, headers = {}, method = "GET") =>
    fetch(`${origin}${path}`, { method, headers, redirect: "manual" });
  return { provider, origin, ask, output: service.output };
}

const claims = ({ url }, groups, more = {}) => {
  const seconds = Math.floor(Date.now() / 1000);
  const times = { iat: seconds, exp: seconds + 600 };
  const who = { sub: "17", email: "ada@example.com", email_verified: true };
  return { iss: url, aud: "console", groups, ...who, ...times, ...more };
};

const cookies = (answer) =>
  answer.headers
    .getSetCookie()
    .map((cookie) => cookie.split(";")[0])
    .filter((cookie) => !cookie.endsWith("="))
    .join("; ");

/** Begins a sign-in: the provider's address, and the browser's cookies. */
async function begun({ ask }) {
  const answer = await ask(`${V}/login/oidc?next=/tasks/photos`);
  assert.equal(answer.status, 303);
  return { to: answer.headers.get("location"), cookie: cookies(answer) };
}

/** Signs somebody in with these claims: where the browser is sent to, and its cookies then. */
async function signedIn(at, of, make) {
  const { to, cookie } = await begun(at);
  const query = new URLSearchParams(at.provider.grant(to, of, make));
  const answer = await at.ask(`${V}/login/callback?${query}`, { cookie });
  assert.equal(answer.status, 303);
  return { to: answer.headers.get("location"), cookie: cookies(answer) };
}

const code = async (answer) => [answer.status, (await answer.json()).code];

test("somebody signs in, looks, and signs out", { skip }, async () => {
  const at = await served();
  const sent = new URL((await begun(at)).to);
  assert.equal(sent.searchParams.get("code_challenge_method"), "S256");
  assert.equal(
    sent.searchParams.get("redirect_uri"),
    `${at.origin}${V}/login/callback`,
  );
  assert.deepEqual(await code(await at.ask(`${V}/tasks`)), [401, "signed-out"]);
  const { to, cookie } = await signedIn(at, claims(at.provider, ["ops"]));
  const [path, session] = to.split("#session=");
  assert.equal(path, "/tasks/photos");
  const me = await at.ask(`${V}/me`, { cookie, "x-flotilla-session": session });
  assert.deepEqual(await me.json(), {
    name: "ada@example.com",
    role: "operator",
  });
  const page = { cookie, "x-flotilla-session": session, origin: at.origin };
  const pause = `${V}/tasks/none/pause`;
  assert.deepEqual(
    await code(
      await at.ask(pause, { ...page, origin: "https://evil.example" }, "POST"),
    ),
    [403, "wrong-origin"],
  );
  assert.deepEqual(
    await code(await at.ask(pause, { cookie, origin: at.origin }, "POST")),
    [401, "signed-out"],
  );
  assert.equal((await at.ask(pause, page, "POST")).status, 404);
  assert.equal((await at.ask(`${V}/logout`, page, "POST")).status, 204);
  assert.deepEqual(await code(await at.ask(`${V}/tasks`, { cookie })), [
    401,
    "signed-out",
  ]);
});

test(
  "claims decide about roles, in cookies and bearer tokens",
  { skip },
  async () => {
    const at = await served();
    const wants = {
      "no-role": ["others"],
      viewer: ["staff"],
      operator: ["staff", "ops"],
      admin: "owners",
    };
    for (const [role, groups] of Object.entries(wants)) {
      const { to, cookie } = await signedIn(at, claims(at.provider, groups));
      const token = at.provider.signed(
        claims(at.provider, groups, { aud: "api" }),
      );
      const script = { authorization: `Bearer ${token}` };
      const [create, pause] = [`${V}/tasks`, `${V}/tasks/none/pause`];
      const statuses = await Promise.all([
        at.ask(`${V}/tasks`, script),
        at.ask(pause, script, "POST"),
        at.ask(create, script, "POST"),
      ]).then((all) => all.map(({ status }) => status));
      const [look, operate, define] = statuses;
      if (role === "no-role") {
        assert.deepEqual(
          [to, cookie, ...statuses],
          ["/?sign-in=no-role", "", 403, 403, 403],
        );
        continue;
      }
      assert.equal(look, 200, role);
      assert.equal(operate, role === "viewer" ? 403 : 404, role);
      assert.equal(define === 403, role !== "admin", role);
      const me = await at.ask(`${V}/me`, {
        cookie,
        "x-flotilla-session": to.split("#session=")[1],
      });
      assert.equal((await me.json()).role, role);
    }
  },
);

test(
  "a token that is not for this sign-in lets nobody in",
  { skip },
  async () => {
    const at = await served();
    const { provider } = at;
    const past = Math.floor(Date.now() / 1000) - 600;
    const publicKey = provider.key.publicKey.export({
      format: "pem",
      type: "spki",
    });
    const hmac = (text) =>
      createHmac("sha256", publicKey).update(text).digest("base64url");
    const good = claims(provider, ["owners"]);
    const wrongs = {
      expired: [{ ...good, exp: past }],
      "another issuer": [{ ...good, iss: "https://evil.example" }],
      "another audience": [{ ...good, aud: "another" }],
      unsigned: [good, (of) => provider.forged({ alg: "none" }, of)],
      "signed by the public key": [
        good,
        (of) => provider.forged({ alg: "HS256", kid: "first" }, of, hmac),
      ],
      "changed after it was signed": [
        good,
        (of) => provider.signed(of).replace(/\.[^.]{9}/, ".eyJhZG1pb"),
      ],
      "of another sign-in": [
        good,
        (of) => provider.signed({ ...of, nonce: "another" }),
      ],
      "without a nonce": [good, ({ nonce: _, ...of }) => provider.signed(of)],
    };
    for (const [name, [of, make]] of Object.entries(wrongs)) {
      const { to, cookie } = await signedIn(at, of, make);
      assert.deepEqual([to, cookie], ["/?sign-in=invalid-token", ""], name);
      const token = (make ?? provider.signed)({
        ...of,
        aud: of.aud === "console" ? "api" : of.aud,
      });
      if (!name.includes("sign-in") && !name.includes("nonce"))
        assert.deepEqual(
          await code(
            await at.ask(`${V}/tasks`, { authorization: `Bearer ${token}` }),
          ),
          [401, "invalid-token"],
          name,
        );
    }
    // The code of one sign-in, in another browser: its verifier is another one (PKCE).
    const [mine, theirs] = [await begun(at), await begun(at)];
    const stolen = provider.grant(theirs.to, good).code;
    const state = new URL(mine.to).searchParams.get("state");
    const answer = await at.ask(
      `${V}/login/callback?${new URLSearchParams({ code: stolen, state })}`,
      { cookie: mine.cookie },
    );
    assert.equal(answer.headers.get("location"), "/?sign-in=invalid-token");
    const late = await at.ask(`${V}/login/callback?code=x&state=${state}`, {
      cookie: theirs.cookie,
    });
    assert.equal(late.headers.get("location"), "/?sign-in=sign-in-late");
  },
);

test("a provider that is away is one line, and soon", { skip }, async () => {
  const whys = {
    slow: "no answer in time",
    garbage: "expected value",
    error: "answers 500",
  };
  const one = async ([mode, line]) => {
    const at = await served(mode);
    const began = Date.now();
    const answer = await at.ask(`${V}/login/oidc`);
    const seconds = (Date.now() - began) / 1000;
    assert.deepEqual(
      [answer.status, answer.headers.get("location")],
      [303, "/?sign-in=login-unavailable"],
      mode,
    );
    assert.ok(seconds < 14, `${mode}: ${seconds} s`);
    const lines = () =>
      at.output.text
        .split("\n")
        .filter((text) => text.includes("a sign-in failed"));
    await until("the line is written", () => lines().length > 0);
    assert.deepEqual(
      lines().map((text) => text.includes(line)),
      [true],
      at.output.text,
    );
    assert.ok(!/panicked/.test(at.output.text), at.output.text);
    // Then it is well: a moment later people sign in.
    at.provider.mode = "well";
    const mended = await until("it is asked again", async () => {
      const to = (await begun(at)).to;
      return to.startsWith(at.provider.url) && to;
    });
    assert.ok(mended);
    // Between the two steps of a sign-in it goes away again. A slow one is waited for once.
    if (mode === "slow") return;
    const { to, cookie } = await begun(at);
    const query = new URLSearchParams(
      at.provider.grant(to, claims(at.provider, ["staff"])),
    );
    at.provider.mode = mode;
    const failed = await at.ask(`${V}/login/callback?${query}`, { cookie });
    assert.equal(
      failed.headers.get("location"),
      "/?sign-in=login-unavailable",
      mode,
    );
  };
  await Promise.all(Object.entries(whys).map(one));
});

test(
  "a new key is read once a minute",
  { skip, timeout: 120_000 },
  async () => {
    const at = await served();
    const bearer = () => {
      const token = at.provider.signed(
        claims(at.provider, ["staff"], { aud: "api" }),
      );
      return at.ask(`${V}/tasks`, { authorization: `Bearer ${token}` });
    };
    assert.equal((await bearer()).status, 200);
    const old = at.provider.signed(
      claims(at.provider, ["staff"], { aud: "api" }),
    );
    at.provider.rotate();
    for (let i = 0; i < 20; i += 1)
      assert.equal(
        (await bearer()).status,
        401,
        "anybody may send unknown keys",
      );
    assert.equal(at.provider.reads, 1);
    if (!LONG) return;
    await until(
      "the new key is read",
      async () => (await bearer()).status === 200,
      70,
    );
    assert.equal(at.provider.reads, 2);
    const withdrawn = await at.ask(`${V}/tasks`, {
      authorization: `Bearer ${old}`,
    });
    assert.deepEqual(await code(withdrawn), [401, "invalid-token"]);
  },
);
