// An OpenID provider of the tests' own: it signs with RSA keys, and gives a token for a code to who has its verifier.
import { createHash, createSign, generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";

const part = (value) =>
  Buffer.from(
    typeof value === "string" ? value : JSON.stringify(value),
  ).toString("base64url");

const newKey = (kid) => ({
  kid,
  ...generateKeyPairSync("rsa", { modulusLength: 2048 }),
});

/** Starts one. `mode` is `well`, `slow` (20 s), `garbage` or `error`: its answers from then on. */
export async function issuer(mode = "well") {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${server.address().port}`;
  const codes = new Map();
  const of = { mode, url, reads: 0, key: newKey("first") };
  /** A token with a header of its own and any signature. */
  const forged = (header, claims, sign = () => "") => {
    const signed = `${part(header)}.${part(claims)}`;
    return `${signed}.${sign(signed)}`;
  };
  const signed = (claims, { kid, privateKey } = of.key) =>
    forged({ alg: "RS256", kid, typ: "JWT" }, claims, (text) =>
      createSign("RSA-SHA256").update(text).sign(privateKey, "base64url"),
    );
  const answers = {
    "/.well-known/openid-configuration": () => ({
      issuer: url,
      authorization_endpoint: `${url}/authorize`,
      token_endpoint: `${url}/token`,
      jwks_uri: `${url}/keys`,
    }),
    "/keys": () => {
      of.reads += 1;
      const { kid, publicKey } = of.key;
      const key = publicKey.export({ format: "jwk" });
      return { keys: [{ ...key, kid, use: "sig", alg: "RS256" }] };
    },
    "/token": (form) => {
      const given = codes.get(form.get("code"));
      codes.delete(form.get("code"));
      const digest = createHash("sha256").update(form.get("code_verifier"));
      if (given?.challenge !== digest.digest("base64url")) return null;
      return { id_token: given.token, token_type: "Bearer" };
    },
  };
  server.on("request", async (request, response) => {
    let body = "";
    for await (const data of request) body += data;
    if (of.mode === "slow")
      await new Promise((resolve) => setTimeout(resolve, 20_000).unref());
    if (of.mode === "garbage") return response.end("<html>hello</html>");
    const answer = answers[new URL(request.url, url).pathname]?.(
      new URLSearchParams(body),
    );
    response.statusCode = of.mode === "error" ? 500 : answer ? 200 : 400;
    response.end(JSON.stringify(answer ?? {}));
  });
  return Object.assign(of, {
    signed,
    forged,
    /** Somebody signs in at this address of the provider: the code for the token that `make` makes of their claims. */
    grant: (address, claims, make = signed) => {
      const query = new URL(address).searchParams;
      const code = `code-${codes.size}-${Date.now()}`;
      const token = make({ ...claims, nonce: query.get("nonce") });
      codes.set(code, { challenge: query.get("code_challenge"), token });
      return { code, state: query.get("state") };
    },
    rotate: () => (of.key = newKey("second")),
    stop: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  });
}
