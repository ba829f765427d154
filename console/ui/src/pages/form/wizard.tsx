// The steps of a definition, and the way through them.
import { useEffect, useRef, useState } from "preact/hooks";
import { checkDefinition } from "../../api/calls";
import { type Problem, problemOf } from "../../api/problem";
import type { Definition } from "../../api/types";
import { Button } from "../../components/controls";
import { ProblemPanel } from "../../components/states";
import { type Key, t } from "../../i18n";
import { Conflict } from "./conflict";
import { STEPS, type Step, getText, isInterval, isName, set, stepOf, suggestName } from "./draft";
import { How } from "./how";
import { Review } from "./review";
import { TomlForm } from "./toml-form";
import { What } from "./what";
import { When } from "./when";
import { Where } from "./where";

export interface Editing {
  task: string;
  etag: string;
}

export interface StepProps {
  draft: Definition;
  /** The definition that the form began with. */
  first: Definition;
  editing: Editing | undefined;
  /** Changes a setting by its path. */
  change: (path: string, value: string | number | boolean | string[] | undefined) => void;
  /** What the server says about a setting. */
  wrong: (path: string) => string | undefined;
}

interface WizardProps {
  first: Definition;
  editing?: Editing;
  onDraft: (draft: Definition | null) => void;
}

export function Wizard({ first: opened, editing: of, onDraft }: WizardProps) {
  const [draft, setDraft] = useState(opened);
  // What the form began with. After a conflict it goes on from the newer definition.
  const [{ first, editing }, setBase] = useState({ first: opened, editing: of });
  const [step, setStep] = useState<Step>("where");
  const [asText, setAsText] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const heading = useRef<HTMLHeadingElement>(null);
  const moved = useRef(false);
  useEffect(() => onDraft(draft), [draft]);
  useEffect(() => {
    if (moved.current) heading.current?.focus();
    moved.current = true;
  }, [step, asText]);

  const change: StepProps["change"] = (path, value) => {
    setProblem(null);
    setDraft((draft) => set(draft, path, value));
  };
  const wrong = (path: string) => wrongAt(path, problem);
  const go = async (to: Step) => {
    const named = getText(draft, "task") ? draft : set(draft, "task", suggestName(draft));
    setDraft(named);
    const local = missing(named);
    const localStep = stepOf(local?.setting ?? "") ?? "where";
    if (local && STEPS.indexOf(to) > STEPS.indexOf(localStep)) {
      setProblem(local);
      return setStep(localStep);
    }
    if (STEPS.indexOf(to) <= STEPS.indexOf(step)) {
      setProblem(null);
      return setStep(to);
    }
    setBusy(true);
    try {
      await checkDefinition(named);
      setProblem(null);
      setStep(to);
    } catch (error) {
      const found = problemOf(error);
      setProblem(found);
      const at = found.setting ? stepOf(found.setting) : undefined;
      // What is wrong in a later step does not keep anybody from going there.
      if (at && STEPS.indexOf(at) >= STEPS.indexOf(to)) setStep(to);
      else if (at) setStep(at);
    }
    setBusy(false);
  };
  const props: StepProps = { draft, first, editing, change, wrong };
  const at = STEPS.indexOf(step);
  return (
    <div class="wizard">
      <Steps step={step} onStep={(to) => void go(to)} disabled={busy || asText} />
      <section class="card stack">
        <div class="card-head">
          <h2 tabIndex={-1} ref={heading}>
            {asText ? t("form.toml") : t(`step.${step}` as Key)}
          </h2>
          <Button kind="quiet" small onClick={() => setAsText(!asText)}>
            {asText ? t("form.as.form") : t("form.as.toml")}
          </Button>
        </div>
        {problem?.status === 412 && editing ? (
          <Conflict
            task={editing.task}
            first={first}
            draft={draft}
            onGoOn={(newer, draft, etag) => {
              setBase({ first: newer, editing: { task: editing.task, etag } });
              setDraft(draft);
              setProblem(null);
              setStep("review");
            }}
          />
        ) : (
          problem && <ProblemPanel problem={problem} />
        )}
        {asText ? (
          <TomlForm
            draft={draft}
            onDraft={(draft) => {
              setDraft(draft);
              setProblem(null);
              setAsText(false);
              setStep("review");
            }}
          />
        ) : (
          <Body step={step} props={props} onDone={() => onDraft(null)} onProblem={setProblem} />
        )}
        {!asText && step !== "review" && (
          <div class="wizard-actions">
            {at > 0 && <Button onClick={() => void go(STEPS[at - 1] ?? "where")}>{t("form.back")}</Button>}
            <span class="push" />
            <Button kind="primary" busy={busy} onClick={() => void go(STEPS[at + 1] ?? "review")}>
              {t("form.next")}
            </Button>
          </div>
        )}
      </section>
    </div>
  );
}

function Body({
  step,
  props,
  onDone,
  onProblem,
}: {
  step: Step;
  props: StepProps;
  onDone: () => void;
  onProblem: (problem: Problem) => void;
}) {
  if (step === "where") return <Where {...props} />;
  if (step === "what") return <What {...props} />;
  if (step === "how") return <How {...props} />;
  if (step === "when") return <When {...props} />;
  return <Review {...props} onDone={onDone} onProblem={onProblem} />;
}

function Steps({ step, onStep, disabled }: { step: Step; onStep: (step: Step) => void; disabled: boolean }) {
  const at = STEPS.indexOf(step);
  return (
    <ol class="steps" aria-label={t("form.steps")}>
      {STEPS.map((one, number) => (
        <li key={one} class={number < at ? "past" : number === at ? "now" : ""}>
          <button
            type="button"
            disabled={disabled}
            aria-current={number === at ? "step" : undefined}
            onClick={() => onStep(one)}
          >
            <span class="dot">{number + 1}</span>
            <span>{t(`step.${one}` as Key)}</span>
          </button>
        </li>
      ))}
    </ol>
  );
}

/** What the form itself can say before it asks the server. */
function missing(draft: Definition): Problem | null {
  const at = (setting: string, title: Key): Problem => ({ status: 422, code: "form", title: t(title), setting });
  if (!getText(draft, "source.location")) return at("source.location", "form.source.missing");
  if (!getText(draft, "destination.location")) return at("destination.location", "form.destination.missing");
  if (!isName(getText(draft, "task"))) return at("task", "form.name.wrong");
  const [kind, ...every] = getText(draft, "schedule").split(" ");
  if (kind === "every" && !isInterval(every.join(" "))) return at("schedule", "schedule.every.wrong");
  return null;
}

function wrongAt(path: string, problem: Problem | null): string | undefined {
  const setting = problem?.setting;
  if (!problem || !setting) return undefined;
  const isIt =
    setting === path ||
    (!setting.includes(".") && path.split(".").slice(1).join(".") === setting) ||
    (!setting.includes(".") && path === setting);
  return isIt ? (problem.detail ?? problem.title) : undefined;
}
