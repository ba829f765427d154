// The phases of a run, as steps with times, and as a bar of how long each took.
import type { Run, RunState } from "../../api/types";
import { isLive } from "../../components/badge";
import { Icon } from "../../components/icon";
import { dateTime, duration, now, timeOfDay } from "../../format";
import { t, word } from "../../i18n";

const STEPS: RunState[] = ["queued", "listing", "releasing", "copying", "done"];
const CUT: RunState[] = ["stopped", "cancelling", "cancelled", "done-with-failures"];

export interface Step {
  state: RunState;
  look: "past" | "now" | "ahead" | "cut";
  /** When the run entered it. */
  at?: string;
  /** Seconds that the run was, or has been, in it; the end takes no time. */
  took?: number;
}

/** The states that a run went through, then those that are to come. */
export function steps(run: Pick<Run, "state" | "phases" | "found">, time: number): Step[] {
  const over = !isLive(run.state);
  const past = run.phases.map(({ state, entered: at }, index): Step => {
    const next = run.phases[index + 1];
    const isLast = !next;
    if (isLast && over) return { state, look: CUT.includes(state) ? "cut" : "past", at };
    const until = next ? Date.parse(next.entered) : time;
    const look = CUT.includes(state) ? "cut" : isLast ? "now" : "past";
    return { state, look, at, took: Math.max(0, until - Date.parse(at)) / 1000 };
  });
  if (over || CUT.includes(run.state)) return past;
  const ahead = STEPS.slice(STEPS.indexOf(run.state) + 1).filter(
    (state) => state !== "releasing" || run.found.deletes > 0,
  );
  return [...past, ...ahead.map((state): Step => ({ state, look: "ahead" }))];
}

export function Phases({ run }: { run: Run }) {
  const shown = steps(run, now.value);
  return (
    <div class="phases-box">
      <ol class="phases" aria-label={t("run.phases")}>
        {shown.map(({ state, look, at, took }) => (
          <li key={state} class={look} aria-current={look === "now" ? "step" : undefined}>
            <span class="dot">
              {look === "past" && <Icon name="check" size={12} />}
              {look === "cut" && <Icon name="cross" size={12} />}
            </span>
            <span>{name(state)}</span>
            <small>
              {at && (
                <time dateTime={at} title={dateTime(at, true)}>
                  {timeOfDay(at)}
                </time>
              )}
              {took !== undefined && <b>{took < 1 ? t("phase.brief") : duration(took)}</b>}
            </small>
          </li>
        ))}
      </ol>
      <Spans steps={shown} />
    </div>
  );
}

function name(state: RunState): string {
  return STEPS.includes(state) ? t(`phase.${state as "queued"}`) : word("run", state);
}

/** How the time of a run is shared among its phases; the steps above say the same in numbers. */
function Spans({ steps }: { steps: Step[] }) {
  const spans = steps.filter(({ took }) => (took ?? 0) > 0);
  if (spans.length < 2) return null;
  const total = spans.reduce((sum, { took }) => sum + (took ?? 0), 0);
  return (
    <div class="spans" aria-hidden="true">
      {spans.map(({ state, took }) => (
        <span
          key={state}
          class={`span-${state}`}
          style={{ flexGrow: (took ?? 0) / total }}
          title={`${name(state)} ${duration(took ?? 0)}`}
        />
      ))}
    </div>
  );
}
