// Limits that take effect at once.
import { useState } from "preact/hooks";
import { limitTask } from "../../api/calls";
import type { Task } from "../../api/types";
import { Dialog } from "../../components/dialog";
import { TextField } from "../../components/field";
import { toast } from "../../components/toast";
import { t } from "../../i18n";
import { readSize, writeSize } from "../../size";

export function LimitsDialog({ task, onDone, onClose }: { task: Task; onDone: () => void; onClose: () => void }) {
  const { limits } = task;
  const [bandwidth, setBandwidth] = useState(limits.bandwidth ? writeSize(limits.bandwidth) : "");
  const [machines, setMachines] = useState(String(limits.machines ?? ""));
  const [requests, setRequests] = useState(String(limits.requests ?? ""));
  const size = bandwidth.trim() === "" ? null : readSize(bandwidth);
  const number = (text: string) => (text.trim() === "" ? null : /^\d+$/.test(text.trim()) ? Number(text) : undefined);
  const wrong = size === undefined || number(machines) === undefined || number(requests) === undefined;
  const save = async () => {
    await limitTask(task.name, {
      bandwidth: size ?? null,
      machines: number(machines) ?? null,
      requests: number(requests) ?? null,
    });
    toast(t("limits.done"));
    onDone();
  };
  return (
    <Dialog title={t("task.limits")} confirm={t("limits.confirm")} disabled={wrong} onConfirm={save} onClose={onClose}>
      <p class="faint">{t("limits.about")}</p>
      <TextField
        label={t("limits.bandwidth")}
        value={bandwidth}
        onInput={setBandwidth}
        placeholder={t("no.limit")}
        hint={t("limits.bandwidth.hint")}
        error={size === undefined ? t("error.size") : undefined}
      />
      <TextField
        label={t("limits.machines")}
        value={machines}
        onInput={setMachines}
        placeholder={t("no.limit")}
        inputMode="numeric"
        error={number(machines) === undefined ? t("error.number") : undefined}
      />
      <TextField
        label={t("limits.requests")}
        value={requests}
        onInput={setRequests}
        placeholder={t("no.limit")}
        inputMode="numeric"
        error={number(requests) === undefined ? t("error.number") : undefined}
      />
    </Dialog>
  );
}
