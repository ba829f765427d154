// The last step: the definition as it will be, what a first run would do, and the creation.
import { useEffect, useState } from "preact/hooks";
import { useLocation } from "preact-iso/router";
import { runHref, taskHref } from "../../address";
import { beginRun, checkDefinition, createTask, editTask, plan } from "../../api/calls";
import { idempotencyKey } from "../../api/client";
import { type Problem, inShort, problemOf } from "../../api/problem";
import type { PlanResult } from "../../api/types";
import { Button, Route, Time } from "../../components/controls";
import { CheckField } from "../../components/field";
import { PlanView } from "../../components/plan";
import { Reason } from "../../components/reason";
import { ProblemPanel, Skeleton } from "../../components/states";
import { Toml } from "../../components/toml";
import { toast } from "../../components/toast";
import { t } from "../../i18n";
import { useOperation } from "../../live/operation";
import { get, getText } from "./draft";
import { Changed } from "./changed";
import { waiting } from "./where";
import type { StepProps } from "./wizard";

type Checked = Awaited<ReturnType<typeof checkDefinition>>;

/** Begins a run, and returns where to look. What is saved stays saved if none begins: the form must not send it twice. */
async function begin(task: string): Promise<string> {
  try {
    return runHref((await beginRun(task)).run);
  } catch (error) {
    toast(t("form.start.failed", { why: inShort(problemOf(error)) }), "bad");
    return taskHref(task);
  }
}

export function Review({
  draft,
  first,
  editing,
  onDone,
  onProblem,
}: StepProps & {
  onDone: () => void;
  onProblem: (problem: Problem) => void;
}) {
  const [checked, setChecked] = useState<Checked | null>(null);
  const deletes = get(draft, "find.delete") === true;
  const [dryFirst, setDryFirst] = useState(deletes && !editing);
  const [start, setStart] = useState(!editing && !getText(draft, "schedule"));
  const [busy, setBusy] = useState(false);
  // One key for all tries: an answer that was lost makes no second task.
  const [key] = useState(idempotencyKey);
  const planning = useOperation();
  const { route } = useLocation();
  useEffect(() => {
    checkDefinition(draft).then(setChecked, (error: unknown) => onProblem(problemOf(error)));
  }, [draft]);
  // A schedule that stays keeps its times, which only the task has.
  const keepsTimes = editing && getText(first, "schedule") === getText(draft, "schedule");
  const due = keepsTimes ? [] : (checked?.due ?? []);
  const startsAtOnce = due[0] !== undefined && Date.parse(due[0]) < Date.now() + 60_000;
  const planned = planning.operation?.verdict === "succeeded";
  const save = async () => {
    setBusy(true);
    try {
      const { task, notes } = editing
        ? await editTask(editing.task, draft, editing.etag)
        : await createTask(draft, key);
      notes.forEach((note) => toast(note));
      toast(editing ? t("form.saved") : t("form.created", { name: task }));
      onDone();
      route(start && !startsAtOnce ? await begin(task) : taskHref(task));
    } catch (error) {
      onProblem(problemOf(error));
      setBusy(false);
    }
  };
  return (
    <>
      <p class="row">
        <strong>{getText(draft, "task")}</strong>
        <Route from={getText(draft, "source.location")} to={getText(draft, "destination.location")} />
      </p>
      {editing && <Changed first={first} draft={draft} />}
      {due.length > 0 && (
        <p class="faint">
          {t("form.due")}{" "}
          {due.map((at, number) => (
            <>
              {number > 0 && " · "}
              {number === 0 && startsAtOnce ? t("form.due.now") : <Time key={at} at={at} full />}
            </>
          ))}
        </p>
      )}
      <section class="plan-box stack tight" aria-label={t("form.plan")}>
        <div class="row">
          <div>
            <h3>{t(editing ? "form.plan.next" : "form.plan")}</h3>
            <p class="hint">{t("form.plan.about")}</p>
          </div>
          <Button icon="search" busy={planning.busy} onClick={() => void planning.ask(() => plan(draft))}>
            {t("form.plan.do")}
          </Button>
        </div>
        {planning.busy && (
          <p class="hint" role="status">
            {waiting(planning)}
          </p>
        )}
        {planning.problem && <ProblemPanel problem={planning.problem} />}
        {planning.operation?.error && <Reason error={planning.operation.error} />}
        {planning.operation?.result ? <PlanView plan={planning.operation.result as unknown as PlanResult} /> : null}
      </section>
      {deletes && !editing && (
        <CheckField label={t("form.dry")} hint={t("form.dry.hint")} checked={dryFirst} onInput={setDryFirst} />
      )}
      {!startsAtOnce && (
        <CheckField label={t("form.start")} hint={t("form.start.hint")} checked={start} onInput={setStart} />
      )}
      <details class="advanced">
        <summary>{t("form.toml")}</summary>
        {checked ? <Toml text={checked.toml} name={`${getText(draft, "task")}.toml`} /> : <Skeleton lines={6} />}
      </details>
      <div class="wizard-actions">
        <span class="push" />
        {dryFirst && !planned ? (
          <Button
            kind="primary"
            icon="search"
            busy={planning.busy}
            onClick={() => void planning.ask(() => plan(draft))}
          >
            {t("form.dry.do")}
          </Button>
        ) : (
          <Button kind="primary" icon="check" busy={busy} disabled={!checked} onClick={() => void save()}>
            {editing ? t("form.save") : t("form.create")}
          </Button>
        )}
      </div>
    </>
  );
}
