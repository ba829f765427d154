// The requests of the pages, by what they are for.
import { answer, body, client, idempotencyKey } from "./client";
import type { Definition, LimitsPatch, RunOverrides, TaskStatus } from "./types";

const V = "/api/v1" as const;

/** A definition is checked by the server alone: the page may send one that is not whole. */
const sent = (definition: Definition) => definition as never;

/** What is left out of a request has its default; the document requires it all the same. */
const partly = <T>(body: Partial<T>) => body as T;

type Signal = { signal?: AbortSignal };

export const listTasks = (
  query: { status?: TaskStatus; search?: string; cursor?: string; limit?: number },
  options: Signal = {},
) => body(client.GET(`${V}/tasks`, { params: { query }, ...options }));

export const getTask = (task: string, options: Signal = {}) =>
  body(client.GET(`${V}/tasks/{task}`, { params: { path: { task } }, ...options }));

/** A definition with the tag that an edit has to name. */
export async function getDefinition(task: string, version?: number) {
  const params = { path: { task }, query: version ? { version } : {} };
  const { data, response } = await answer(client.GET(`${V}/tasks/{task}/definition`, { params }));
  if (!data) throw new Error("no definition");
  return { ...data, etag: response.headers.get("etag") ?? `"${data.version}"` };
}

export const listRuns = (task: string, cursor?: string, options: Signal = {}) =>
  body(
    client.GET(`${V}/tasks/{task}/runs`, {
      params: { path: { task }, query: { limit: 20, ...(cursor ? { cursor } : {}) } },
      ...options,
    }),
  );

export const getRun = (run: string, options: Signal = {}) =>
  body(client.GET(`${V}/runs/{run}`, { params: { path: { run } }, ...options }));

export const getRunDefinition = (run: string) =>
  body(client.GET(`${V}/runs/{run}/definition`, { params: { path: { run } } }));

export const failureGroups = (run: string, options: Signal = {}) =>
  body(client.GET(`${V}/runs/{run}/failures`, { params: { path: { run }, query: { group: "cause" } }, ...options }));

export const listRunFailures = (run: string, query: { cause?: string; cursor?: string }, options: Signal = {}) =>
  body(
    client.GET(`${V}/runs/{run}/failures`, {
      params: { path: { run }, query: { limit: 50, ...query } },
      ...options,
    }),
  );

export const reportHref = (run: string) => `${V}/runs/${encodeURIComponent(run)}/report`;

export const listFailures = (cursor?: string, options: Signal = {}) =>
  body(client.GET(`${V}/failures`, { params: { query: cursor ? { cursor } : {} }, ...options }));

export const getObject = (task: string, key: string) =>
  body(client.GET(`${V}/tasks/{task}/objects`, { params: { path: { task }, query: { key } } }));

export const getSamples = (task: string, minutes: number, options: Signal = {}) =>
  body(
    client.GET(`${V}/tasks/{task}/samples`, {
      params: { path: { task }, query: { from: new Date(Date.now() - minutes * 60_000).toISOString() } },
      ...options,
    }),
  );

export const getOperation = (operation: string, task?: string, options: Signal = {}) =>
  body(
    client.GET(`${V}/operations/{operation}`, {
      params: { path: { operation }, query: task ? { task } : {} },
      ...options,
    }),
  );

export const listWorkers = (options: Signal = {}) => body(client.GET(`${V}/workers`, options));

export const listCredentials = (cursor?: string, options: Signal = {}) =>
  body(client.GET(`${V}/credentials`, { params: { query: cursor ? { cursor } : {} }, ...options }));

/** The changes of a task, or of all. */
export const listChanges = (
  { task, who, cursor }: { task?: string | undefined; who?: string; cursor?: string | undefined },
  options: Signal = {},
) =>
  body(
    client.GET(`${V}/audit`, {
      params: { query: { ...(task ? { task } : {}), ...(who ? { who } : {}), ...(cursor ? { cursor } : {}) } },
      ...options,
    }),
  );

export const listDeadLetters = (task: string, options: Signal = {}) =>
  body(client.GET(`${V}/tasks/{task}/dead-letters`, { params: { path: { task } }, ...options }));

export const redrive = (task: string) =>
  body(client.POST(`${V}/tasks/{task}/dead-letters/redrive`, { params: { path: { task } } }));

export const purge = (task: string) =>
  body(client.POST(`${V}/tasks/{task}/dead-letters/purge`, { params: { path: { task } } }));

/** Creates a task. `key` is the same for each try of one creation, so that an answer that was lost makes no second. */
export const createTask = (definition: Definition, key: string) =>
  body(client.POST(`${V}/tasks`, { params: { header: { "Idempotency-Key": key } }, body: sent(definition) }));

export const editTask = (task: string, definition: Definition, etag: string) =>
  body(
    client.PUT(`${V}/tasks/{task}`, {
      params: { path: { task }, header: { "If-Match": etag } },
      body: sent(definition),
    }),
  );

export const deleteTask = (task: string, records: boolean) =>
  body(client.DELETE(`${V}/tasks/{task}`, { params: { path: { task }, query: { records } } }));

export const pauseTask = (task: string) => body(client.POST(`${V}/tasks/{task}/pause`, { params: { path: { task } } }));

export const resumeTask = (task: string) =>
  body(client.POST(`${V}/tasks/{task}/resume`, { params: { path: { task } } }));

export const limitTask = (task: string, limits: LimitsPatch) =>
  body(client.PATCH(`${V}/tasks/{task}/limits`, { params: { path: { task } }, body: limits }));

/** Checks a definition: as an object, or as the text of a file. */
export const checkDefinition = (definition: Definition | string) =>
  typeof definition === "string"
    ? body(
        client.POST(`${V}/definitions/check`, {
          body: definition as never,
          headers: { "content-type": "application/toml" },
          bodySerializer: (text: unknown) => String(text),
        }),
      )
    : body(client.POST(`${V}/definitions/check`, { body: sent(definition) }));

export const beginRun = (task: string, overrides: Partial<RunOverrides> = {}, supersede = false) =>
  body(
    client.POST(`${V}/tasks/{task}/runs`, {
      params: { path: { task }, header: { "Idempotency-Key": idempotencyKey() } },
      body: { overrides: partly<RunOverrides>(overrides), supersede },
    }),
  );

export const cancelRun = (run: string) => body(client.POST(`${V}/runs/{run}/cancel`, { params: { path: { run } } }));

export const retryRun = (run: string, keys?: string[]) =>
  body(
    client.POST(`${V}/runs/{run}/retry`, {
      params: { path: { run }, header: { "Idempotency-Key": idempotencyKey() } },
      body: { keys: keys ?? null },
    }),
  );

const once = () => ({ params: { header: { "Idempotency-Key": idempotencyKey() } } });

export const probe = (definition: Definition, writeTest: boolean) =>
  body(client.POST(`${V}/probes`, { ...once(), body: { definition: sent(definition), write_test: writeTest } }));

export const plan = (definition: Definition) =>
  body(client.POST(`${V}/plans`, { ...once(), body: { definition: sent(definition) } }));

export const planTask = (task: string) => body(client.POST(`${V}/plans`, { ...once(), body: { task } }));

export const probeTask = (task: string) =>
  body(client.POST(`${V}/probes`, { ...once(), body: { task, write_test: false } }));

export const listNotices = (task: string, options: Signal = {}) =>
  body(client.GET(`${V}/tasks/{task}/notices`, { params: { path: { task } }, ...options }));

export const testNotices = (task: string) =>
  body(
    client.POST(`${V}/tasks/{task}/notify-test`, {
      params: { path: { task }, header: { "Idempotency-Key": idempotencyKey() } },
    }),
  );

export const verifyTask = (task: string, effort: "quick" | "needed" | "deep") =>
  body(
    client.POST(`${V}/tasks/{task}/verifications`, {
      params: { path: { task }, header: { "Idempotency-Key": idempotencyKey() } },
      body: { effort },
    }),
  );
