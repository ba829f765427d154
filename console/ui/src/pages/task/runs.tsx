// The runs of a task, the newest first.
import { useState } from "preact/hooks";
import { runHref, shortRun } from "../../address";
import { listRuns } from "../../api/calls";
import { readPages } from "../../api/pages";
import { useQuery } from "../../api/query";
import type { Run, Task } from "../../api/types";
import { RunBadge, isLive } from "../../components/badge";
import { Button, Time } from "../../components/controls";
import { Bar } from "../../components/progress";
import { Empty, ProblemPanel, Skeleton } from "../../components/states";
import { bytes, count, duration } from "../../format";
import { t } from "../../i18n";
import { visible } from "../../visible";
import { why } from "../../why";

export function RunsTab({ task }: { task: Task }) {
  const [pages, setPages] = useState(1);
  const runs = useQuery(
    `runs ${task.name} ${pages} ${task.run?.id ?? ""} ${task.last_run?.id ?? ""}`,
    (signal) => readPages((cursor) => listRuns(task.name, cursor, { signal }), pages),
    { every: 10, keep: `runs ${task.name}` },
  );
  if (!runs.data) {
    return runs.problem && runs.problem.status !== 0 ? (
      <ProblemPanel problem={runs.problem} onRetry={runs.reload} />
    ) : (
      <div class="card">
        <Skeleton lines={4} block />
      </div>
    );
  }
  const items = runs.data.items.filter(({ kind }) => kind !== "events");
  if (items.length === 0) {
    return (
      <section class="card">
        <Empty icon="play" title={t("runs.none")}>
          <p>{t("runs.none.about")}</p>
        </Empty>
      </section>
    );
  }
  return (
    <section class="card flush">
      <table class="folding runs">
        <thead>
          <tr>
            <th>{t("col.run")}</th>
            <th>{t("col.state")}</th>
            <th class="col-bar">{t("col.result")}</th>
            <th class="number">{t("part.copied")}</th>
            <th class="number">{t("part.deleted")}</th>
            <th class="number">{t("part.failed")}</th>
            <th class="number">{t("col.took")}</th>
          </tr>
        </thead>
        <tbody>
          {items.map((run) => (
            <Row key={run.id} run={run} />
          ))}
        </tbody>
      </table>
      {runs.data.next && (
        <div class="pager">
          <Button busy={runs.stale} onClick={() => setPages(pages + 1)}>
            {t("more")}
          </Button>
        </div>
      )}
    </section>
  );
}

function Row({ run }: { run: Run }) {
  const { settled } = run;
  return (
    <tr>
      <td class="lead">
        <a class="name mono" href={runHref(run.id)} title={run.id}>
          {shortRun(run.id)}
        </a>
        <span class="under">
          <Time at={run.begun ?? run.started} full />
          {run.who ? ` · ${run.kind === "retry" ? t("runs.retry.by", { who: run.who }) : run.who}` : ""}
        </span>
      </td>
      <td data-label={t("col.state")}>
        <RunBadge state={run.state} />
        {run.error && (
          <span class="under clamp" title={visible(run.error)}>
            {visible(why(run.error))}
          </span>
        )}
      </td>
      <td class="wide" data-label={t("col.result")}>
        <Bar progress={run} thin />
      </td>
      <td class="number" data-label={t("part.copied")}>
        {count(settled.copied)}
        <span class="under">{bytes(settled.bytes)}</span>
      </td>
      <td class="number" data-label={t("part.deleted")}>
        {count(settled.deleted)}
      </td>
      <td class={`number${settled.failed ? " bad-text" : ""}`} data-label={t("part.failed")}>
        {count(settled.failed)}
      </td>
      <td class="number" data-label={t("col.took")}>
        {took(run)}
      </td>
    </tr>
  );
}

/** When the last of a run was done. Its end is recorded up to some seconds later. */
export function endOf({ ended, phases, state }: Run): string | null | undefined {
  if (isLive(state)) return null;
  const last = phases.at(-1)?.entered;
  return last && (!ended || Date.parse(last) < Date.parse(ended)) ? last : ended;
}

export function took(run: Run): string {
  const { begun, started, state } = run;
  const [from, end] = [begun ?? started, endOf(run)];
  if (!from || (!end && !isLive(state))) return "–";
  const seconds = ((end ? Date.parse(end) : Date.now()) - Date.parse(from)) / 1000;
  return seconds < 1 ? t("phase.brief") : duration(seconds);
}
