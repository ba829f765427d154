// A client of a console's API, and data for it.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { folder, until } from "./services.mjs";

/** Signs in by the address that a console printed. */
export async function signIn({ address, origin }) {
  const token = new URL(address).hash.slice("#token=".length);
  const answer = await fetch(`${origin}/api/v1/login`, {
    method: "POST",
    headers: { "content-type": "application/json", origin },
    body: JSON.stringify({ token }),
  });
  const cookie = answer.headers.get("set-cookie").split(";")[0];
  const { session } = await answer.json();
  const headers = { cookie, "x-flotilla-session": session };
  return { headers, send: (...request) => send(origin, headers, ...request) };
}

async function send(origin, headers, method, path, body) {
  const json = body === undefined ? {} : { "content-type": "application/json" };
  const answer = await fetch(`${origin}/api/v1${path}`, {
    method,
    headers: { ...headers, ...json },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await answer.text();
  return { status: answer.status, text, json: () => JSON.parse(text) };
}

/** Folders between which all but one of three files can be copied: a folder has the name of that one. */
export function folders() {
  const [source, destination] = [folder(), folder()];
  for (const name of ["a", "b", "c"]) writeFileSync(join(source, name), name);
  mkdirSync(join(destination, "b"));
  writeFileSync(join(destination, "b", "in the way"), "");
  return { source, destination };
}

/** A task with a run that has a failure, and a probe of it. */
export async function failedTask({ send }, task, { source, destination }) {
  const definition = {
    task,
    source: { location: source },
    destination: { location: destination },
  };
  const made = await send("POST", "/tasks", definition);
  if (made.status !== 201) throw new Error(made.text);
  const { run } = (await send("POST", `/tasks/${task}/runs`)).json();
  const { operation } = (await send("POST", "/probes", { task })).json();
  await until("the run ends with a failure", async () => {
    const shown = await send("GET", `/runs/${run}`);
    return shown.json().state === "done-with-failures";
  });
  return { task, run, operation };
}
