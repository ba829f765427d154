// What a run of the task would do now.
import { planTask } from "../../api/calls";
import { Dialog } from "../../components/dialog";
import { PlanView } from "../../components/plan";
import { Notice, ProblemPanel } from "../../components/states";
import type { PlanResult, Task } from "../../api/types";
import { t } from "../../i18n";
import { useOperation } from "../../live/operation";
import { why } from "../../why";

export function PlanDialog({ task, onClose }: { task: Task; onClose: () => void }) {
  const { busy, operation, problem, ask } = useOperation();
  const { progress, state, error, result } = operation ?? {};
  return (
    <Dialog
      title={t("task.plan")}
      confirm={t("plan.confirm")}
      keep={t("close")}
      stay
      disabled={busy}
      onConfirm={() => ask(() => planTask(task.name))}
      onClose={onClose}
    >
      <p class="faint">{t("plan.about")}</p>
      {busy && (
        <p class="hint" role="status">
          {progress ?? t(state === "running" ? "operation.running" : "operation.waiting")}
        </p>
      )}
      {problem && <ProblemPanel problem={problem} />}
      {error && (
        <Notice tone="bad">
          <p>{why(error)}</p>
        </Notice>
      )}
      {result ? <PlanView plan={result as unknown as PlanResult} /> : null}
    </Dialog>
  );
}
