// Plans, probes and verifications of a task, with their results.
import { shortRun } from "../../address";
import type { Operation, PlanResult, ProbeResult, Task, VerifyResult } from "../../api/types";
import { Badge } from "../../components/badge";
import { Copyable, Time } from "../../components/controls";
import { PlanView } from "../../components/plan";
import { ProbeView } from "../../components/probe";
import { Stat } from "../../components/progress";
import { Raw } from "../../components/raw";
import { Reason } from "../../components/reason";
import { count, now } from "../../format";
import { t, word } from "../../i18n";

const SHOWN = ["plan", "probe", "verify", "close", "erase"];

/** An operation that somebody waits for, or whose result is new, stands above what changes less. */
const NEW_MS = 10 * 60_000;

export function isNew({ kind, state, ended }: Operation): boolean {
  const isShown = ["plan", "probe", "verify"].includes(kind);
  return isShown && (state !== "done" || Boolean(ended && now.value - Date.parse(ended) < NEW_MS));
}

export function Operations({ task }: { task: Task }) {
  const shown = task.operations.filter(({ kind }) => SHOWN.includes(kind));
  if (shown.length === 0) return null;
  return (
    <section class="card">
      <h2>{t("operations.title")}</h2>
      <ul class="lines operations">
        {shown.map((one) => (
          <li key={one.id}>
            <OperationView operation={one} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function OperationView({ operation }: { operation: Operation }) {
  const { id, kind, state, verdict, who, requested, progress, error, result } = operation;
  const tone = toneOf(operation);
  return (
    <details class="operation">
      <summary>
        <strong>{word("operation", kind)}</strong>
        <Badge tone={tone}>{word("operation.state", verdict ?? state)}</Badge>
        <span>{brief(kind, result)}</span>
        <span class="faint">{t("operations.by", { who })}</span>
        <span class="faint push">
          <Time at={requested} />
        </span>
      </summary>
      <div class="stack tight">
        <span class="faint">
          <Copyable text={id} shown={shortRun(id)} />
        </span>
        {progress && state !== "done" && <p>{progress}</p>}
        {error && <Reason error={error} />}
        {result && <Result kind={kind} result={result} />}
      </div>
    </details>
  );
}

/** A verification that found differences succeeded as a job, but has no good news. */
function toneOf({ kind, state, verdict, result }: Operation) {
  if (state !== "done") return "live";
  if (verdict === "failed") return "bad";
  if (verdict !== "succeeded") return "calm";
  return kind === "verify" && ((result as VerifyResult | null)?.different ?? 0) > 0 ? "bad" : "good";
}

/** A result in its line: nobody has to open it. */
function brief(kind: string, result: unknown): string {
  if (!result) return "";
  if (kind === "verify") {
    const { same, compared } = result as VerifyResult;
    return t("verify.brief", { same, all: compared });
  }
  if (kind === "plan") {
    const { copies, deletes } = result as PlanResult;
    return t("plan.brief", { copies, deletes });
  }
  return "";
}

function Result({ kind, result }: { kind: string; result: unknown }) {
  if (kind === "plan") return <PlanView plan={result as PlanResult} />;
  if (kind === "probe") return <ProbeView probe={result as ProbeResult} />;
  if (kind === "verify") return <VerifyView result={result as VerifyResult} />;
  return (
    <pre class="code" tabIndex={0}>
      {JSON.stringify(result, null, 2)}
    </pre>
  );
}

function VerifyView({ result }: { result: VerifyResult }) {
  const differences = result.differences ?? [];
  return (
    <>
      <dl class="stats">
        <Stat name={t("verify.compared")} value={count(result.compared)} />
        <Stat name={t("verify.same")} value={count(result.same)} />
        <Stat name={t("verify.different")} value={count(result.different)} bad={result.different > 0} />
      </dl>
      {differences.length > 0 && (
        <ul class="lines">
          {differences.slice(0, 100).map(({ key, kind, what }) => (
            <li key={key}>
              <span class="mono key">
                <Raw text={key} />
              </span>
              <span class="faint">
                {word("difference", kind)}: <Raw text={what} />
              </span>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
