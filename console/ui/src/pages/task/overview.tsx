// What a task does now, and how it moved over time.
import { runHref, shortRun } from "../../address";
import { getDefinition, getRun } from "../../api/calls";
import { useQuery } from "../../api/query";
import type { Definition, Task } from "../../api/types";
import { RunBadge, isLive } from "../../components/badge";
import { LinkButton, Time } from "../../components/controls";
import { ProgressView, RunStats, Stat } from "../../components/progress";
import { OlderVersion } from "../../components/outage";
import { Reason, Waits } from "../../components/reason";
import { bytesRate, count, dateTime } from "../../format";
import { t } from "../../i18n";
import { get, getText } from "../form/draft";
import { Charts } from "./charts";
import { Operations, isNew } from "./operations";

export function Overview({ task }: { task: Task }) {
  const hasNew = task.operations.some(isNew);
  return (
    <>
      {task.run ? <LiveCard task={task} /> : <RestCard task={task} />}
      {hasNew && <Operations task={task} />}
      <Charts task={task} />
      <div class="halves">
        <SettingsCard task={task} />
        <WorkersCard task={task} />
      </div>
      {!hasNew && <Operations task={task} />}
    </>
  );
}

function LiveCard({ task }: { task: Task }) {
  const { run } = task;
  if (!run) return null;
  return (
    <section class="card stack" aria-label={t("overview.live")}>
      <div class="card-head">
        <h2>
          {t(isLive(run.state) ? "overview.live" : "overview.ending")}{" "}
          <a class="mono" href={runHref(run.id)} title={run.id}>
            {shortRun(run.id)}
          </a>
        </h2>
        <span class="row">
          <RunBadge state={run.state} />
          <span class="faint">
            <Time at={run.begun} />
          </span>
        </span>
      </div>
      {run.state === "queued" ? <Waits progress={run.progress} /> : <ProgressView progress={run} />}
      <OlderVersion run={run} task={task} />
      {run.error && <Reason tone="warn" error={run.error} />}
      <RunStats progress={run} />
      <div class="row">
        <LinkButton small href={runHref(run.id)}>
          {t("overview.run.details")}
        </LinkButton>
        {run.settled.failed > 0 && (
          <LinkButton small kind="danger" href={runHref(run.id)}>
            {t("failed.count", { n: run.settled.failed })}
          </LinkButton>
        )}
      </div>
    </section>
  );
}

function RestCard({ task }: { task: Task }) {
  const { last_run: last, next_due: due } = task;
  return (
    <section class="card">
      <h2>{last ? t("overview.rest") : t("overview.never")}</h2>
      <dl class="stats">
        <div class="stat">
          <dt>{t("col.last.run")}</dt>
          <dd>
            {last ? (
              <a href={runHref(last.id)}>
                <Time at={last.ended} />
              </a>
            ) : (
              t("never")
            )}
            {last && <small>{dateTime(last.ended)}</small>}
            {last && <small>{t(`run.${last.end}`)}</small>}
          </dd>
        </div>
        <div class="stat">
          <dt>{t("col.next.run")}</dt>
          <dd>
            {due && task.state === "active" ? <Time at={due} /> : "–"}
            {due && task.state === "active" && <small>{dateTime(due)}</small>}
            <small>{task.schedule ?? (task.events ? t("next.events") : t("next.by.hand"))}</small>
          </dd>
        </div>
        {task.event_run && (
          <Stat
            name={t("overview.events")}
            value={count(task.event_run.settled.copied + task.event_run.settled.deleted)}
            more={t("overview.events.since")}
          />
        )}
      </dl>
      {last && <LastRun id={last.id} />}
    </section>
  );
}

/** What the last run did. Without its records, which expire, nothing is shown. */
function LastRun({ id }: { id: string }) {
  const run = useQuery(`run ${id}`, (signal) => getRun(id, { signal }));
  return run.data ? (
    <div class="stack last-run">
      <ProgressView progress={run.data} />
      <RunStats progress={run.data} />
    </div>
  ) : null;
}

/** Where notices go, without what may be secret in a URL. */
function receivers({ topic, webhook }: { topic?: unknown; webhook?: unknown }): string {
  const host = (url: string) => (URL.canParse(url) ? new URL(url).host || url : url);
  return [topic, webhook]
    .filter((one): one is string => typeof one === "string" && one !== "")
    .map(host)
    .join(", ");
}

function SettingsCard({ task }: { task: Task }) {
  const { limits } = task;
  const recorded = useQuery(`definition ${task.name} ${task.version}`, () => getDefinition(task.name));
  const definition = (recorded.data?.definition ?? {}) as Definition;
  const most = getText(definition, "find.max-delete");
  const deletes = recorded.data?.definition ? get(definition, "find.delete") === true : undefined;
  const notices = receivers({ topic: get(definition, "notify.topic"), webhook: get(definition, "notify.webhook") });
  return (
    <section class="card">
      <h2>{t("overview.settings")}</h2>
      <dl class="facts">
        <dt>{t("overview.schedule")}</dt>
        <dd>{task.schedule ?? t("next.by.hand")}</dd>
        <dt>{t("overview.follows")}</dt>
        <dd>{task.events ? t("yes") : t("no")}</dd>
        <dt>{t("overview.deletes")}</dt>
        <dd class={deletes ? "warn-text" : ""}>
          {deletes === undefined
            ? "–"
            : !deletes
              ? t("no")
              : most
                ? t("overview.deletes.most", { n: Number(most) })
                : t("overview.deletes.all")}
        </dd>
        <dt>{t("limits.bandwidth")}</dt>
        <dd>{limits.bandwidth ? bytesRate(limits.bandwidth) : t("no.limit")}</dd>
        <dt>{t("limits.machines")}</dt>
        <dd>{limits.machines ? count(limits.machines) : t("no.limit")}</dd>
        <dt>{t("limits.requests")}</dt>
        <dd>{limits.requests ? t("per.second", { rate: count(limits.requests) }) : t("no.limit")}</dd>
        <dt>{t("field.notices")}</dt>
        <dd>{task.notify ? notices || t("yes") : t("no")}</dd>
        <dt>{t("overview.version")}</dt>
        <dd>{count(task.version)}</dd>
        <dt>{t("overview.created")}</dt>
        <dd>
          <Time at={task.created} full />
        </dd>
      </dl>
    </section>
  );
}

function WorkersCard({ task }: { task: Task }) {
  const jobs = (worker: Task["workers"][number]) =>
    worker.tasks.find(({ task: name }) => name === task.name)?.jobs ?? worker.jobs;
  return (
    <section class="card">
      <h2>{t("overview.workers")}</h2>
      {task.workers.length === 0 ? (
        <p class="faint">{t("overview.workers.none")}</p>
      ) : (
        <ul class="lines">
          {task.workers.map((worker) => (
            <li key={worker.worker}>
              <span class="mono">{worker.worker}</span>
              <span class="faint">{t("jobs", { n: jobs(worker) })}</span>
              <span class="faint push">
                <Time at={worker.seen} />
              </span>
            </li>
          ))}
        </ul>
      )}
      {task.queues && (
        <dl class="stats under-stats">
          <Stat name={t("queue.ready")} value={count(task.queues.ready)} />
          <Stat name={t("queue.leased")} value={count(task.queues.leased)} />
          <Stat name={t("queue.dead")} value={count(task.queues.dead)} bad={task.queues.dead > 0} />
        </dl>
      )}
    </section>
  );
}
