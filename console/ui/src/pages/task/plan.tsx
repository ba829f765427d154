// What a run of the task would do now.
import { planTask } from "../../api/calls";
import { waiting } from "../form/where";
import { Dialog } from "../../components/dialog";
import { PlanView } from "../../components/plan";
import { Reason } from "../../components/reason";
import { ProblemPanel } from "../../components/states";
import type { PlanResult, Task } from "../../api/types";
import { t } from "../../i18n";
import { useOperation } from "../../live/operation";

export function PlanDialog({ task, onClose }: { task: Task; onClose: () => void }) {
  const planning = useOperation();
  const { busy, operation, problem, ask } = planning;
  const { error, result } = operation ?? {};
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
          {waiting(planning)}
        </p>
      )}
      {problem && <ProblemPanel problem={problem} />}
      {error && <Reason error={error} />}
      {result ? <PlanView plan={result as unknown as PlanResult} /> : null}
    </Dialog>
  );
}
