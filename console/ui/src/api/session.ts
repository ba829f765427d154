// Who is signed in, and what this console can do.
import { signal } from "@preact/signals";
import { body, client, onSignedOut } from "./client";
import { t, word } from "../i18n";
import { type Problem, problemOf } from "./problem";
import { keepSecret, secret } from "./secret";
import type { Features, Me, Role } from "./types";

interface Session {
  state: "starting" | "in" | "out";
  features?: Features;
  me?: Me;
  problem?: Problem;
}

export const session = signal<Session>({ state: "starting" });

const RANKS: Role[] = ["viewer", "operator", "admin"];

/** Whether the person may do what needs this role. The server decides; the page only leaves out what it would refuse. */
export function may(role: Role): boolean {
  const me = session.value.me;
  return Boolean(me) && RANKS.indexOf(me?.role ?? "viewer") >= RANKS.indexOf(role);
}

/** Takes the secrets out of the address, so that they are neither in the history nor in a bookmark. */
function takeSecrets(): { token?: string; given?: string } {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const [token, given] = [fragment.get("token"), fragment.get("session")];
  if (token || given) history.replaceState(null, "", location.pathname + location.search);
  return { ...(token ? { token } : {}), ...(given ? { given } : {}) };
}

/** Why a provider's sign-in failed, by the address that it comes back to: `?sign-in=CODE`. A code is a word, no text. */
function takeRefusal(): Problem | undefined {
  const query = new URLSearchParams(location.search);
  const code = query.get("sign-in");
  if (code === null) return undefined;
  query.delete("sign-in");
  const rest = query.toString();
  history.replaceState(null, "", location.pathname + (rest ? `?${rest}` : "") + location.hash);
  return {
    status: 401,
    code,
    title: word("problem", code, t("sign.in.failed")),
    remedy: word("remedy", code, t("sign.in.failed.remedy")),
  };
}

/** Signs in with the address's token, if it has one, and asks who is there. */
export async function begin(): Promise<void> {
  onSignedOut(() => {
    if (session.value.state === "in") session.value = { ...keep(), state: "out" };
  });
  const refused = takeRefusal();
  const { token, given } = takeSecrets();
  try {
    if (token) await login(token);
    else if (given) await lookWith(given);
    else await look();
    if (refused && session.value.state === "out") session.value = { ...session.value, problem: refused };
  } catch (error) {
    session.value = { ...keep(), state: "out", problem: problemOf(error) };
  }
}

/** Looks with the secret that a provider's sign-in ended with. A link of somebody else may give a wrong one. */
async function lookWith(given: string): Promise<void> {
  const before = secret();
  keepSecret(given);
  await look();
  if (session.value.state === "in" || !before) return;
  keepSecret(before);
  await look();
}

function keep(): Pick<Session, "features"> {
  const { features } = session.value;
  return features ? { features } : {};
}

async function look(): Promise<void> {
  try {
    const [features, me] = await Promise.all([body(client.GET("/api/v1/features")), body(client.GET("/api/v1/me"))]);
    session.value = { state: "in", features, me };
  } catch (error) {
    const problem = problemOf(error);
    const features = await body(client.GET("/api/v1/features")).catch(() => undefined);
    session.value = {
      state: "out",
      ...(features ? { features } : {}),
      ...(problem.status === 401 ? {} : { problem }),
    };
  }
}

export async function login(token: string): Promise<void> {
  const begun: unknown = await body(client.POST("/api/v1/login", { body: { token } }));
  keepSecret((begun as { session?: string } | undefined)?.session ?? null);
  await look();
}

export async function logout(): Promise<void> {
  await body(client.POST("/api/v1/logout"));
  keepSecret(null);
  session.value = { ...keep(), state: "out" };
}
