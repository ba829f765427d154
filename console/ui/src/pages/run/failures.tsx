// What failed in a run: causes first, then the objects of a cause, and what to try again.
import { useState } from "preact/hooks";
import { useLocation } from "preact-iso/router";
import { runHref } from "../../address";
import { failureGroups, retryRun } from "../../api/calls";
import { inShort, problemOf } from "../../api/problem";
import { useQuery } from "../../api/query";
import { may } from "../../api/session";
import type { FailureGroup, Run } from "../../api/types";
import { isOver } from "../../components/badge";
import { Button } from "../../components/controls";
import { Raw } from "../../components/raw";
import { ProblemPanel, Skeleton } from "../../components/states";
import { toast } from "../../components/toast";
import { count, percent } from "../../format";
import { t, word } from "../../i18n";
import { fixOf } from "../../why";
import { FailureList } from "./failure-list";

export function Failures({ run }: { run: Run }) {
  const { query, route } = useLocation();
  const cause = query["cause"] ?? "";
  const [picked, setPicked] = useState<ReadonlySet<string>>(new Set());
  const failed = run.settled.failed;
  // A live run may fail with each event: its causes are read now and then, and once more after its end.
  const groups = useQuery(`groups ${run.id} ${isOver(run)}`, (signal) => failureGroups(run.id, { signal }), {
    when: failed > 0,
    keep: `groups ${run.id}`,
    ...(isOver(run) ? {} : { every: 5 }),
  });
  if (failed === 0) return null;
  const retry = async (keys?: string[]) => {
    try {
      const begun = await retryRun(run.id, keys);
      toast(t("retry.done"));
      route(runHref(begun.run));
    } catch (error) {
      const problem = problemOf(error);
      toast(inShort(problem), "bad");
    }
  };
  return (
    <section class="card flush" aria-label={t("failures.title")}>
      <div class="card-head">
        <h2>{t("failed.count", { n: failed })}</h2>
        {may("operator") && (
          <div class="row">
            {picked.size > 0 && (
              <Button small icon="retry" onClick={() => retry([...picked])}>
                {t("retry.selected", { n: picked.size })}
              </Button>
            )}
            <Button small kind="primary" icon="retry" disabled={!isOver(run)} onClick={() => retry()}>
              {t("retry.all")}
            </Button>
          </div>
        )}
      </div>
      {!isOver(run) && <p class="hint inset">{t("retry.later")}</p>}
      {groups.problem && groups.problem.status !== 0 && (
        <ProblemPanel problem={groups.problem} onRetry={groups.reload} />
      )}
      {!groups.data && !groups.problem && <Skeleton lines={3} />}
      {groups.data && <Groups groups={groups.data.groups} failed={failed} run={run.id} chosen={cause} />}
      <FailureList key={cause} run={run} cause={cause} picked={picked} onPick={setPicked} />
    </section>
  );
}

export function Groups({
  groups,
  failed,
  run,
  chosen,
}: {
  groups: FailureGroup[];
  failed: number;
  run: string;
  chosen?: string;
}) {
  return (
    <ul class="groups">
      {groups.map(({ cause, objects, example }) => {
        const share = objects / Math.max(failed, 1);
        return (
          <li key={cause}>
            <a
              class={`group${cause === chosen ? " chosen" : ""}`}
              aria-current={cause === chosen ? "true" : undefined}
              href={cause === chosen ? runHref(run) : runHref(run, cause)}
            >
              <span class="group-line">
                <strong>{word("cause", cause)}</strong>
                <span class="number">
                  {count(objects)} <span class="faint">· {percent(share)}</span>
                </span>
              </span>
              <span class="bar thin" aria-hidden="true">
                <span class="fill-failed" style={{ width: `${share * 100}%` }} />
              </span>
              {fixOf(cause).fix && <span class="under">{fixOf(cause).fix}</span>}
              {example?.error && (
                <span class="under clamp quote" lang="en">
                  <Raw text={example.error} />
                </span>
              )}
            </a>
          </li>
        );
      })}
    </ul>
  );
}
