// The phases of a run, as steps.
import type { Run, RunState } from "../../api/types";
import { Icon } from "../../components/icon";
import { dateTime, timeOfDay } from "../../format";
import { t, word } from "../../i18n";

const STEPS: RunState[] = ["queued", "listing", "releasing", "copying", "done"];

/** How far along the steps a run is; a run that ended otherwise stopped at the last one that its counters show. */
export function reached(run: Run): number {
  const at = STEPS.indexOf(run.state);
  if (at >= 0) return at;
  if (run.state === "done-with-failures") return STEPS.length - 1;
  return run.started ? 1 : 0;
}

export function Phases({ run }: { run: Run }) {
  const now = reached(run);
  const cut = ["stopped", "cancelled", "cancelling"].includes(run.state);
  const steps = STEPS.filter((step) => step !== "releasing" || run.found.deletes > 0 || run.state === "releasing");
  return (
    <ol class="phases" aria-label={t("run.phases")}>
      {steps.map((step) => {
        const at = STEPS.indexOf(step);
        const isEnd = step === "done";
        const ended = isEnd && Boolean(run.ended);
        const state =
          isEnd && (cut || run.state === "done-with-failures")
            ? "cut"
            : at < now || ended
              ? "past"
              : at === now
                ? "now"
                : "ahead";
        return (
          <li key={step} class={state} aria-current={state === "now" ? "step" : undefined}>
            <span class="dot">
              {state === "past" && <Icon name="check" size={12} />}
              {state === "cut" && <Icon name="cross" size={12} />}
            </span>
            <span>{isEnd && (cut || ended) ? word("run", run.state) : t(`phase.${step as "queued"}`)}</span>
            <small>{time(step, run)}</small>
          </li>
        );
      })}
    </ol>
  );
}

function time(step: RunState, run: Run) {
  const at = { queued: run.begun, listing: run.started, done: run.ended }[step as string];
  return at ? (
    <time dateTime={at} title={dateTime(at, true)}>
      {timeOfDay(at)}
    </time>
  ) : null;
}
