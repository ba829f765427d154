// Asks workers to compare both sides.
import { useState } from "preact/hooks";
import { verifyTask } from "../../api/calls";
import type { Task } from "../../api/types";
import { Dialog } from "../../components/dialog";
import { Choice } from "../../components/field";
import { toast } from "../../components/toast";
import { type Key, t } from "../../i18n";

const EFFORTS = ["quick", "needed", "deep"] as const;

export function VerifyDialog({ task, onDone, onClose }: { task: Task; onDone: () => void; onClose: () => void }) {
  const [effort, setEffort] = useState<(typeof EFFORTS)[number]>("needed");
  const verify = async () => {
    await verifyTask(task.name, effort);
    toast(t("verify.done"));
    onDone();
  };
  return (
    <Dialog title={t("task.verify")} confirm={t("verify.confirm")} onConfirm={verify} onClose={onClose}>
      <p class="faint">{t("verify.about")}</p>
      <Choice
        legend={t("verify.effort")}
        value={effort}
        onInput={(value) => setEffort(value as typeof effort)}
        options={EFFORTS.map((value) => ({
          value,
          label: t(`verify.${value}` as Key),
          hint: t(`verify.${value}.hint` as Key),
        }))}
      />
    </Dialog>
  );
}
