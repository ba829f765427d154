// Who is notified of the task's runs, and whether the notices arrive.
import { editHref, runHref, shortRun } from "../../address";
import { listNotices, testNotices } from "../../api/calls";
import { useQuery } from "../../api/query";
import { may } from "../../api/session";
import type { Notice as Sent, NoticeReceiver, Task } from "../../api/types";
import { Badge } from "../../components/badge";
import { Button, LinkButton, Time } from "../../components/controls";
import { Quote } from "../../components/raw";
import { Empty, Notice, ProblemPanel, Skeleton } from "../../components/states";
import { dateTime } from "../../format";
import { t, word } from "../../i18n";
import { type OperationState, useOperation } from "../../live/operation";
import { pollEvery } from "../../live/stream";

export function NoticesTab({ task }: { task: Task }) {
  const notices = useQuery(`notices ${task.name}`, (signal) => listNotices(task.name, { signal }), {
    every: pollEvery(),
  });
  const test = useOperation();
  const { data, problem } = notices;
  if (!data) {
    return problem && problem.status !== 0 ? (
      <ProblemPanel problem={problem} onRetry={notices.reload} />
    ) : (
      <div class="card">
        <Skeleton lines={4} />
      </div>
    );
  }
  const ask = async () => {
    await test.ask(() => testNotices(task.name));
    notices.reload();
  };
  return (
    <>
      <section class="card">
        <div class="card-head">
          <h2>{t("notices.receivers")}</h2>
          {data.receivers.length > 0 && may("operator") && (
            <Button small busy={test.busy} onClick={ask}>
              {t("notices.test")}
            </Button>
          )}
        </div>
        {data.receivers.length === 0 ? (
          <Empty icon="info" title={t("notices.none")}>
            <p>{t("notices.none.about")}</p>
            {may("admin") && <LinkButton href={editHref(task.name)}>{t("task.edit")}</LinkButton>}
          </Empty>
        ) : (
          <ul class="lines">
            {data.receivers.map((one) => (
              <li key={one.channel} class="block">
                <Receiver receiver={one} />
              </li>
            ))}
          </ul>
        )}
        <TestResult test={test} />
      </section>
      {data.items.length > 0 && (
        <section class="card">
          <h2>{t("notices.sent")}</h2>
          <ul class="lines">
            {data.items.map((one) => (
              <li key={`${one.id} ${one.channel}`} class="block">
                <SentNotice notice={one} />
              </li>
            ))}
          </ul>
        </section>
      )}
    </>
  );
}

function Receiver({ receiver }: { receiver: NoticeReceiver }) {
  const { channel, delivered, error, tries } = receiver;
  return (
    <>
      <div class="row">
        <strong>{word("channel", channel)}</strong>
        <span class="push faint" title={delivered ? dateTime(delivered, true) : undefined}>
          {delivered ? t("notices.last", { at: dateTime(delivered) }) : t("notices.last.none")}
        </span>
      </div>
      {error && <Failed error={error} tries={tries} />}
    </>
  );
}

function Failed({ error, tries }: { error: string; tries: number }) {
  return (
    <>
      <p class="warn-text">{t("notices.failed", { n: tries })}</p>
      <Quote text={error} />
    </>
  );
}

/** The result of a test, below the receivers: it is announced when it comes. */
function TestResult({ test }: { test: OperationState }) {
  const { busy, operation, problem } = test;
  return (
    <div role="status">
      {busy && <p class="faint">{t("notices.test.waits")}</p>}
      {problem && <ProblemPanel problem={problem} />}
      {operation?.verdict === "succeeded" && <Notice tone="good" title={t("notices.test.taken")} />}
      {operation?.verdict === "failed" && (
        <Notice tone="bad" title={t("notices.test.failed")}>
          {operation.error && <Quote text={operation.error} />}
        </Notice>
      )}
    </div>
  );
}

function SentNotice({ notice }: { notice: Sent }) {
  const { event, channel, run, requested, delivered, tries, error, done } = notice;
  const tone = delivered ? "good" : done ? "bad" : error ? "warn" : "live";
  return (
    <>
      <div class="row">
        <strong>{word("notice.event", event)}</strong>
        {run && (
          <a class="mono" href={runHref(run)} title={run}>
            {shortRun(run)}
          </a>
        )}
        <Badge tone={tone}>{t(delivered ? "notices.taken" : done ? "notices.given.up" : "notices.open")}</Badge>
        {channel && <span class="faint">{word("channel", channel)}</span>}
        <span class="push faint">
          <Time at={delivered ?? requested} />
        </span>
      </div>
      {error && <Failed error={error} tries={tries} />}
    </>
  );
}
