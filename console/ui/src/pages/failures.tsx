// What failed in the live or last runs of all tasks.
import { useState } from "preact/hooks";
import { runHref, taskHref } from "../address";
import { listFailures } from "../api/calls";
import { readPages } from "../api/pages";
import { useQuery } from "../api/query";
import type { TaskFailures } from "../api/types";
import { RunBadge } from "../components/badge";
import { Button, LinkButton, Time } from "../components/controls";
import { Empty, Notice, ProblemPanel, Skeleton } from "../components/states";
import { Head } from "../frame";
import { t } from "../i18n";
import { Groups } from "./run/failures";

export function FailuresPage() {
  const [pages, setPages] = useState(1);
  const failures = useQuery(
    `failures ${pages}`,
    (signal) => readPages((cursor) => listFailures(cursor, { signal }), pages, 20),
    { every: 15, keep: "failures" },
  );
  const { data, problem, reload } = failures;
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
        {data?.items.length === 0 && (
          <section class="card">
            <Empty icon="check" title={t("failures.none")}>
              <p>{t("failures.none.about")}</p>
            </Empty>
          </section>
        )}
        {data?.items.map((item) => (
          <TaskCard key={item.task} item={item} />
        ))}
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
          <Notice tone="bad">
            <p>{error}</p>
          </Notice>
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
