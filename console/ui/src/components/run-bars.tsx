// The last runs of a task as bars: how many objects each copied, deleted and failed to. Each leads to its run.
import { runHref } from "../address";
import { listRuns } from "../api/calls";
import { useQuery } from "../api/query";
import type { Run, Task } from "../api/types";
import { endOf, took } from "../pages/task/runs";
import { count, dateTime } from "../format";
import { t, word } from "../i18n";

/** Most bars: each is wide enough for a finger. */
const most = () => (matchMedia("(max-width: 860px)").matches ? 10 : 20);
const PARTS = [
  ["copied", "fill-done"],
  ["deleted", "fill-deleted"],
  ["failed", "fill-failed"],
] as const;

const height = ({ settled }: Run) => settled.copied + settled.deleted + settled.failed;

export function RunBars({ task }: { task: Task }) {
  const runs = useQuery(
    `bars ${task.name} ${task.run?.id ?? ""} ${task.last_run?.id ?? ""}`,
    (signal) => listRuns(task.name, undefined, { signal }),
    { keep: `bars ${task.name}`, ...(task.run ? { every: 10 } : {}) },
  );
  const shown = (runs.data?.items ?? [])
    .filter(({ kind }) => kind !== "events")
    .slice(0, most())
    .reverse();
  // One run is shown whole above.
  if (shown.length < 2) return null;
  const peak = Math.max(...shown.map(height), 1);
  const sum = (part: "copied" | "deleted" | "failed") =>
    count(shown.reduce((sum, { settled }) => sum + settled[part], 0));
  return (
    <figure class="chart card run-bars">
      <figcaption>
        <strong>{t("bars.title")}</strong>
        <span>
          {t("bars.summary", {
            n: shown.length,
            copied: sum("copied"),
            deleted: sum("deleted"),
            failed: sum("failed"),
          })}
        </span>
      </figcaption>
      <div class="run-bars-plot">
        <span class="run-bars-peak faint">{t("bars.peak", { n: peak })}</span>
        <ol>
          {shown.map((run) => (
            <li key={run.id}>
              <Bar run={run} peak={peak} />
            </li>
          ))}
        </ol>
      </div>
    </figure>
  );
}

function Bar({ run, peak }: { run: Run; peak: number }) {
  const { settled } = run;
  const at = run.begun ?? run.started ?? endOf(run);
  const label = t("bars.run", {
    at: at ? dateTime(at) : "–",
    copied: count(settled.copied),
    deleted: count(settled.deleted),
    failed: count(settled.failed),
    state: word("run", run.state),
    took: took(run),
  });
  const isBad = run.state === "stopped" || run.state === "done-with-failures";
  return (
    <a href={runHref(run.id)} title={label} aria-label={label} class={isBad ? "bad" : ""}>
      {PARTS.filter(([part]) => settled[part] > 0).map(([part, fill]) => (
        <span key={part} class={fill} style={{ height: `max(3px, ${(settled[part] / peak) * 100}%)` }} />
      ))}
      {height(run) === 0 && <span class="none" />}
    </a>
  );
}
