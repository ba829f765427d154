// What failed in the live or last runs of all tasks.
import { useState } from "preact/hooks";
import { runHref, taskHref } from "../address";
import { listFailures, listTasks } from "../api/calls";
import { readPages } from "../api/pages";
import { useQuery } from "../api/query";
import type { TaskFailures, TaskItem } from "../api/types";
import { Badge, RunBadge } from "../components/badge";
import { Button, LinkButton, Time } from "../components/controls";
import { Reason } from "../components/reason";
import { Empty, ProblemPanel, Skeleton } from "../components/states";
import { Head } from "../frame";
import { t } from "../i18n";
import { WorkerErrors } from "../components/outage";
import { outage } from "../why";
import { Groups } from "./run/failures";

export function FailuresPage() {
  const [pages, setPages] = useState(1);
  const failures = useQuery(
    `failures ${pages}`,
    (signal) => readPages((cursor) => listFailures(cursor, { signal }), pages, 20),
    { every: 15, keep: "failures" },
  );
  const { data, problem, reload } = failures;
  const attention = useQuery("tasks failed", (signal) => listTasks({ status: "failed", limit: 50 }, { signal }), {
    every: 15,
  });
  // An end may be recorded between the two reads: what needs attention is shown by one of them.
  const others = attention.data?.items.filter(({ name }) => !data?.items.some(({ task }) => task === name)) ?? [];
  return (
    <>
      <Head title={t("nav.failures")}>
        <p class="faint">{t("failures.about")}</p>
      </Head>
      <div class="stack">
        {problem && problem.status !== 0 && <ProblemPanel problem={problem} onRetry={reload} />}
        {!data && !problem && (
          <div class="card">
            <Skeleton lines={4} block />
          </div>
        )}
        {data?.items.length === 0 && attention.data && others.length === 0 && (
          <section class="card">
            <Empty icon="check" title={t("failures.none")}>
              <p>{t("failures.none.about")}</p>
            </Empty>
          </section>
        )}
        {data?.items.map((item) => (
          <TaskCard key={item.task} item={item} />
        ))}
        {data && !data.next && others.map((task) => <OtherCard key={task.id} task={task} />)}
        {data?.next && (
          <div class="pager">
            <Button busy={failures.stale} onClick={() => setPages(pages + 1)}>
              {t("more")}
            </Button>
          </div>
        )}
      </div>
    </>
  );
}

/** A task that needs attention though no failures of it are recorded yet. */
function OtherCard({ task }: { task: TaskItem }) {
  const error = task.run?.error ?? task.last_run?.error;
  return (
    <section class="card stack tight">
      <div class="row">
        <h2>
          <a href={taskHref(task.name)}>{task.name}</a>
        </h2>
        <Badge tone="bad">{t("failures.attention")}</Badge>
      </div>
      <WorkerErrors errors={task.errors} />
      {task.errors.length === 0 && error && <Reason error={error} />}
    </section>
  );
}

function TaskCard({ item }: { item: TaskFailures }) {
  const { task, run, state, ended, failed, lost, not_judged: notJudged, unlisted, error, groups } = item;
  return (
    <section class="card flush">
      <div class="card-head">
        <div class="row">
          <h2>
            <a href={taskHref(task)}>{task}</a>
          </h2>
          {state && <RunBadge state={state} />}
          {ended && (
            <span class="faint">
              <Time at={ended} />
            </span>
          )}
        </div>
        {run && (
          <LinkButton small href={runHref(run)}>
            {failed > 0 ? t("failed.count", { n: failed }) : t("overview.run.details")}
          </LinkButton>
        )}
      </div>
      {error && (
        <div class="inset">
          {outage(error) ? (
            <WorkerErrors errors={[{ worker: "", error }]} waiting={!ended} />
          ) : (
            <Reason error={error} />
          )}
        </div>
      )}
      <div class="inset faint">
        {[
          lost > 0 && t("notice.lost", { n: lost }),
          notJudged > 0 && t("stat.not.judged", { n: notJudged }),
          unlisted > 0 && t("notice.unlisted", { n: unlisted }),
        ]
          .filter(Boolean)
          .map((text) => (
            <p>{text}</p>
          ))}
      </div>
      {run && groups.length > 0 && <Groups groups={groups} failed={failed} run={run} />}
    </section>
  );
}
