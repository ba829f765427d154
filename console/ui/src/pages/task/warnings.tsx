// What a person should know of a task before all else.
import { runHref } from "../../address";
import type { Task } from "../../api/types";
import { WorkerErrors } from "../../components/outage";
import { Quote } from "../../components/raw";
import { Notice } from "../../components/states";
import { dateTime } from "../../format";
import { t } from "../../i18n";
import { StopReason } from "./allow";

export function Warnings({ task }: { task: Task }) {
  const { errors, last_run: last, run, messages_die: die } = task;
  return (
    <>
      <WorkerErrors errors={errors} waiting={Boolean(run || task.events)} />
      {task.state === "paused" && (
        <Notice tone="warn" title={t("notice.paused")}>
          <p>{die ? t("notice.paused.until", { at: dateTime(die) }) : t("notice.paused.about")}</p>
        </Notice>
      )}
      {task.state === "deleting" && (
        <Notice tone="warn" title={t("notice.deleting")}>
          <p>{t("notice.deleting.about")}</p>
        </Notice>
      )}
      {task.state === "active" && die && (
        <Notice tone="warn" title={t("notice.slow")}>
          <p>{t("notice.slow.about", { at: dateTime(die) })}</p>
        </Notice>
      )}
      {!run && last && (last.failed > 0 || last.end === "stopped" || last.not_judged > 0 || last.unlisted > 0) && (
        <LastRun task={task} last={last} />
      )}
      {task.skipped_due && (
        <Notice title={t("notice.skipped", { at: dateTime(task.skipped_due) })}>
          <p>{t("notice.skipped.about")}</p>
        </Notice>
      )}
      {task.queues_error && (
        <Notice tone="warn" title={t("notice.queues")}>
          <Quote text={task.queues_error} />
        </Notice>
      )}
    </>
  );
}

function LastRun({ task, last }: { task: Task; last: NonNullable<Task["last_run"]> }) {
  const more = (
    <>
      {last.lost > 0 && <p>{t("notice.lost", { n: last.lost })}</p>}
      {last.not_judged > 0 && <p>{t("stat.not.judged", { n: last.not_judged })}</p>}
      {last.unlisted > 0 && <p>{t("notice.unlisted", { n: last.unlisted })}</p>}
      <p>
        <a href={runHref(last.id)}>{t("notice.failed.see")}</a>
      </p>
    </>
  );
  return last.error ? (
    <StopReason error={last.error} title={headline(last)} task={task.state === "active" ? task.name : undefined}>
      {more}
    </StopReason>
  ) : (
    <Notice tone="bad" title={headline(last)}>
      {more}
    </Notice>
  );
}

function headline(last: NonNullable<Task["last_run"]>): string {
  if (last.end === "stopped") return t("notice.stopped");
  return last.failed > 0 ? t("notice.failed", { n: last.failed }) : t("notice.undone");
}
