// A task in the list.
import { runHref, taskHref } from "../../address";
import type { TaskItem } from "../../api/types";
import { RunBadge, TaskBadge } from "../../components/badge";
import { PickCell, Route, Time } from "../../components/controls";
import { Bar, brief } from "../../components/progress";
import { soon } from "../../format";
import { t } from "../../i18n";
import { visible } from "../../visible";
import { outage, why } from "../../why";

export function TaskRow({
  task,
  picked,
  onPick,
}: {
  task: TaskItem;
  picked: boolean | undefined;
  onPick: (picked: boolean) => void;
}) {
  const { name, run, last_run: last, next_due: due } = task;
  const reported = task.errors[0]?.error;
  // Without a run and without events nothing waits for a store.
  const isOld = reported && !run && !task.events && outage(reported);
  const raw = (isOld ? undefined : reported) ?? run?.error ?? (run ? undefined : last?.error);
  const error = raw ? why(raw) : undefined;
  return (
    <tr class={picked === undefined ? "" : "picked"}>
      {picked !== undefined && <PickCell label={t("tasks.pick", { name })} picked={picked} onPick={onPick} />}
      <td class="lead">
        <a class="name" href={taskHref(name)}>
          {name}
        </a>
        <span class="under small-route">
          <Route from={task.source} to={task.destination} />
        </span>
      </td>
      <td data-label={t("col.state")}>
        <TaskBadge task={task} />
        {error && (
          <span class="under clamp" title={visible(raw ?? "")}>
            {visible(error)}
          </span>
        )}
      </td>
      <td class={`wide${run ? "" : " nothing"}`} data-label={t("col.progress")}>
        {run && (
          <a class="row-progress" href={runHref(run.id)}>
            <Bar progress={run} thin />
            {/* Why it waits stands beside the state already. */}
            <span class="under clamp">{brief(run) === error ? "" : brief(run)}</span>
          </a>
        )}
      </td>
      <td data-label={t("col.last.run")}>
        {last ? (
          <>
            <a href={runHref(last.id)}>
              <Time at={last.ended} />
            </a>
            <span class="under">{lastWords(last)}</span>
          </>
        ) : (
          <span class="faint">{t("never")}</span>
        )}
      </td>
      <td class={task.state === "active" ? "" : "nothing"} data-label={t("col.next.run")}>
        <Next task={task} due={due ?? null} />
      </td>
    </tr>
  );
}

function lastWords(last: NonNullable<TaskItem["last_run"]>) {
  if (last.failed > 0) return <span class="bad-text">{t("failed.count", { n: last.failed })}</span>;
  return <RunWord state={last.end} />;
}

function RunWord({ state }: { state: NonNullable<TaskItem["last_run"]>["end"] }) {
  if (state === "stopped") return <RunBadge state={state} />;
  return <>{t(`run.${state}`)}</>;
}

function Next({ task, due }: { task: TaskItem; due: string | null }) {
  if (task.state !== "active") return <span class="faint">–</span>;
  if (due)
    return (
      <>
        <Time at={due} />
        <span class="under">{soon(due)}</span>
      </>
    );
  return <span class="faint">{task.events ? t("next.events") : t("next.by.hand")}</span>;
}
