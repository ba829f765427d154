// Whether a later run settled what failed in this one.
import { runHref, shortRun } from "../../address";
import { listRuns } from "../../api/calls";
import { useQuery } from "../../api/query";
import type { Run } from "../../api/types";
import { isOver } from "../../components/badge";
import { Notice } from "../../components/states";
import { t } from "../../i18n";

/**
 * The first run after this one that ended with nothing failed: one that compared both sides, or a retry of as many
 * objects as failed. Ids sort by time among the runs of a task. Only the newest runs are looked through.
 */
export function settledBy(run: Run, later: Run[]): Run | undefined {
  const isWhole = ({ kind, enqueued }: Run) => kind === "find" || enqueued >= run.settled.failed;
  return later
    .filter(isWhole)
    .filter(({ id, kind, state, overrides }) => id > run.id && kind !== "events" && state === "done" && !overrides)
    .sort((one, other) => (one.id < other.id ? -1 : 1))[0];
}

export function Settled({ run }: { run: Run }) {
  const task = run.task ?? "";
  const runs = useQuery(`runs after ${run.id}`, (signal) => listRuns(task, undefined, { signal }), {
    when: Boolean(task) && isOver(run) && run.state === "done-with-failures",
  });
  const by = runs.data && settledBy(run, runs.data.items);
  if (!by) return null;
  return (
    <Notice tone="good" title={t("failures.settled")}>
      <p>
        {t(by.kind === "retry" ? "failures.settled.retry" : "failures.settled.run")}{" "}
        <a class="mono" href={runHref(by.id)} title={by.id}>
          {shortRun(by.id)}
        </a>
      </p>
    </Notice>
  );
}
