// The one way to the API: typed paths, one error type, the state of the connection.
import { signal } from "@preact/signals";
import createClient from "openapi-fetch";
import { t } from "../i18n";
import { ApiError, readProblem } from "./problem";
import type { paths } from "./schema";
import { prove } from "./secret";

/** Whether the last request got an answer, whatever it said. */
export const connected = signal(true);

/** Called when the server says that nobody is signed in. */
let signedOut = () => {};

export function onSignedOut(call: () => void): void {
  signedOut = call;
}

/** A request without an answer after this time has failed. Reads repeat by themselves; a person repeats a change. */
const TIMEOUT_MS = 30_000;

export const client = createClient<paths>({
  baseUrl: "",
  credentials: "same-origin",
  fetch: (request: Request) => {
    const limit = AbortSignal.timeout(TIMEOUT_MS);
    const signal = "any" in AbortSignal ? AbortSignal.any([request.signal, limit]) : limit;
    prove(request.headers);
    return fetch(new Request(request, { signal }));
  },
});

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The body of an answer; everything else is thrown as an {@link ApiError}. */
export async function body<T>(request: Promise<Answer<T>>): Promise<T> {
  return (await answer(request)).data as T;
}

/** An answer that succeeded, with its headers. */
export async function answer<T>(request: Promise<Answer<T>>): Promise<Answer<T>> {
  let answer: Answer<T>;
  try {
    answer = await request;
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    connected.value = false;
    throw new ApiError({
      status: 0,
      code: "offline",
      title: t("problem.offline"),
      remedy: t("problem.offline.remedy"),
    });
  }
  connected.value = true;
  if (answer.response.ok) return answer;
  if (answer.response.status === 401) signedOut();
  throw new ApiError(readProblem(answer.response.status, answer.error));
}

/** A key that makes a repeated request have one effect: the same for all tries of one click. */
export function idempotencyKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
