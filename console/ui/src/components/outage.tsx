// A store that does not answer, or another problem that workers report of a task.
import type { Task, WorkerError } from "../api/types";
import { t } from "../i18n";
import { explain, outage } from "../why";
import { Reason } from "./reason";
import { Notice } from "./states";

/** `waiting`: something of the task is on its way. Without it, nothing waits for the store. */
export function WorkerErrors({ errors, waiting = true }: { errors: WorkerError[]; waiting?: boolean }) {
  const first = errors[0];
  if (!first) return null;
  if (outage(first.error)) {
    return waiting ? (
      <Reason tone="warn" error={first.error}>
        <p>{t("outage.about")}</p>
      </Reason>
    ) : null;
  }
  const known = explain(first.error).title;
  return <Reason error={first.error} {...(known ? {} : { title: t("notice.cannot.open", { n: errors.length }) })} />;
}

/** A live run keeps the definition of its version: who mends a setting that it waits for has to begin anew. */
export function OlderVersion({ run, task }: { run: { version?: number | null }; task: Pick<Task, "version"> }) {
  if (!run.version || run.version >= task.version) return null;
  return (
    <Notice tone="warn" title={t("run.older", { run: run.version, task: task.version })}>
      <p>{t("run.older.about")}</p>
    </Notice>
  );
}
