// States as words on a colour; the word alone has the meaning.
import { t, word } from "../i18n";
import type { Run, RunState, TaskItem, TaskStatus } from "../api/types";

type Tone = "live" | "good" | "warn" | "bad" | "calm";

const TASK: Record<TaskStatus, Tone> = {
  running: "live",
  waiting: "calm",
  failed: "bad",
  paused: "warn",
  deleting: "warn",
};

const RUN: Record<RunState, Tone> = {
  queued: "calm",
  listing: "live",
  releasing: "live",
  copying: "live",
  done: "good",
  "done-with-failures": "bad",
  stopped: "bad",
  cancelling: "warn",
  cancelled: "calm",
};

export function Badge({ tone, children }: { tone: Tone; children: string }) {
  return <span class={`badge ${tone}`}>{children}</span>;
}

export function TaskBadge({ task }: { task: TaskItem }) {
  const { status, run } = task;
  if (status === "running" && run) return <RunBadge state={run.state} />;
  return <Badge tone={TASK[status]}>{t(`status.${status}`)}</Badge>;
}

export function RunBadge({ state }: { state: RunState }) {
  return <Badge tone={RUN[state] ?? "calm"}>{word("run", state)}</Badge>;
}

export function isLive(state: RunState): boolean {
  return ["queued", "listing", "releasing", "copying", "cancelling"].includes(state);
}

/** Whether a run has ended and its end is recorded: only then another may begin. */
export function isOver({ state, ended }: Pick<Run, "state" | "ended">): boolean {
  return !isLive(state) && Boolean(ended);
}
