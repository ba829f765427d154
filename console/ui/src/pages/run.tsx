// A run: its phases, what was found, what became of it, what failed and why.
import { useEffect, useState } from "preact/hooks";
import { useRoute } from "preact-iso/router";
import { shortRun, taskHref } from "../address";
import { getRun, getTask, reportHref } from "../api/calls";
import { useQuery } from "../api/query";
import { may } from "../api/session";
import type { Run } from "../api/types";
import { RunBadge, isLive, isOver } from "../components/badge";
import { Button, Copyable, Route, Time } from "../components/controls";
import { Icon } from "../components/icon";
import { OlderVersion, WorkerErrors } from "../components/outage";
import { ProgressView, RunStats, brief } from "../components/progress";
import { Reason, Waits } from "../components/reason";
import { Empty, Notice, ProblemPanel, Skeleton } from "../components/states";
import { bytes, bytesRate } from "../format";
import { Head } from "../frame";
import { t, word } from "../i18n";
import { Announce } from "../live/announce";
import { pollEvery, useStream } from "../live/stream";
import { Counters } from "./run/counters";
import { RunDefinition } from "./run/definition";
import { Failures } from "./run/failures";
import { Phases } from "./run/phases";
import { Settled } from "./run/settled";
import { CancelDialog } from "./task/actions";
import { StopReason } from "./task/allow";
import { took } from "./task/runs";

export function RunPage() {
  const id = useRoute().params["run"] ?? "";
  const [live, setLive] = useState(true);
  const run = useQuery(`run ${id}`, (signal) => getRun(id, { signal }), { every: pollEvery(live) });
  const isGoing = !run.data || !isOver(run.data);
  useEffect(() => setLive(isGoing), [isGoing]);
  useStream({
    runs: isGoing ? [id] : [],
    onEvent: (kind, data) => kind === "run" && run.change((run) => ({ ...run, ...(data as Partial<Run>) })),
  });
  const title = t("run.title", { id: shortRun(id) });
  if (!run.data) {
    return (
      <>
        <Head title={title} above={{ href: "/", label: t("tasks.title") }} />
        {run.problem?.status === 404 ? (
          <section class="card">
            <Empty icon="search" title={t("run.gone")}>
              <p>{t("run.gone.about")}</p>
            </Empty>
          </section>
        ) : run.problem && run.problem.status !== 0 ? (
          <ProblemPanel problem={run.problem} onRetry={run.reload} />
        ) : (
          <div class="card">
            <Skeleton lines={6} />
          </div>
        )}
      </>
    );
  }
  return <Shown run={run.data} title={title} onChange={run.reload} />;
}

function Shown({ run, title, onChange }: { run: Run; title: string; onChange: () => void }) {
  const above = run.task ? { href: taskHref(run.task), label: run.task } : { href: "/", label: t("tasks.title") };
  return (
    <>
      <Head title={title} above={above} actions={<Actions run={run} onChange={onChange} />}>
        <div class="title-line">
          <RunBadge state={run.state} />
          {run.source && run.destination && <Route from={run.source} to={run.destination} />}
        </div>
      </Head>
      <Announce text={`${word("run", run.state)}. ${brief(run)}`} />
      <div class="stack">
        {isLive(run.state) && run.task && <Reported run={run} task={run.task} />}
        {run.error &&
          (isLive(run.state) ? (
            <Reason tone="warn" error={run.error} />
          ) : (
            <StopReason error={run.error} task={isOver(run) ? (run.task ?? undefined) : undefined} />
          ))}
        <Settled run={run} />
        {run.lost > 0 && (
          <Notice tone="bad" title={t("notice.lost", { n: run.lost })}>
            <p>{t("notice.lost.about")}</p>
          </Notice>
        )}
        <section class="card stack">
          <Phases run={run} />
          {run.state === "queued" ? <Waits progress={run.progress} /> : <ProgressView progress={run} />}
          <RunStats progress={run} />
          {run.transfers && run.transfers.objects > 0 && (
            <p class="faint">
              {t("run.transfers", {
                n: run.transfers.objects,
                bytes: bytes(run.transfers.bytes),
                rate: bytesRate(run.transfers.bytes_per_second),
              })}
            </p>
          )}
        </section>
        <Failures run={run} />
        <div class="halves">
          <Counters run={run} />
          <Facts run={run} />
        </div>
        <RunDefinition run={run} />
      </div>
    </>
  );
}

/** What workers report of the run's task, such as a store that does not answer, and an edit that the run does not have. */
function Reported({ run, task }: { run: Run; task: string }) {
  const found = useQuery(`task ${task}`, (signal) => getTask(task, { signal }), { every: pollEvery() });
  // Before a run begins, its own progress has the same error.
  const isSaid = run.state === "queued" && run.progress;
  return found.data ? (
    <>
      {!isSaid && <WorkerErrors errors={found.data.errors} />}
      <OlderVersion run={run} task={found.data} />
    </>
  ) : null;
}

function Actions({ run, onChange }: { run: Run; onChange: () => void }) {
  const [asked, setAsked] = useState(false);
  return (
    <>
      <a class="button plain" href={reportHref(run.id)} download={`${run.id}.jsonl`}>
        <Icon name="download" />
        <span>{t("run.report")}</span>
      </a>
      {may("operator") && isLive(run.state) && run.state !== "cancelling" && (
        <Button icon="stop" onClick={() => setAsked(true)}>
          {t("task.cancel")}
        </Button>
      )}
      {asked && <CancelDialog run={run.id} onDone={onChange} onClose={() => setAsked(false)} />}
    </>
  );
}

function Facts({ run }: { run: Run }) {
  const { overrides } = run;
  const changed = Object.entries(overrides ?? {}).filter(([, value]) => value !== null && value !== undefined);
  return (
    <section class="card">
      <h2>{t("run.about")}</h2>
      <dl class="facts">
        <dt>{t("run.id")}</dt>
        <dd>
          <Copyable text={run.id} />
        </dd>
        <dt>{t("run.kind")}</dt>
        <dd>{word("kind", run.kind)}</dd>
        <dt>{t("run.who")}</dt>
        <dd>{run.who ?? "–"}</dd>
        <dt>{t("run.begun")}</dt>
        <dd>
          <Time at={run.begun ?? run.started} full />
        </dd>
        <dt>{t("run.ended")}</dt>
        <dd>
          <Time at={run.ended} full />
        </dd>
        <dt>{t("col.took")}</dt>
        <dd>{took(run)}</dd>
        {run.version ? (
          <>
            <dt>{t("overview.version")}</dt>
            <dd>{run.version}</dd>
          </>
        ) : null}
        {changed.map(([name, value]) => (
          <>
            <dt class="mono">{name.replace("_", "-")}</dt>
            <dd>{String(value)}</dd>
          </>
        ))}
      </dl>
    </section>
  );
}
