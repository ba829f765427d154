// Deletes a task, after its name was typed.
import { useState } from "preact/hooks";
import { useLocation } from "preact-iso/router";
import { deleteTask } from "../../api/calls";
import type { Task } from "../../api/types";
import { Dialog } from "../../components/dialog";
import { CheckField, TextField } from "../../components/field";
import { toast } from "../../components/toast";
import { t } from "../../i18n";

export function DeleteDialog({ task, onClose }: { task: Task; onClose: () => void }) {
  const [typed, setTyped] = useState("");
  const [records, setRecords] = useState(false);
  const { route } = useLocation();
  const remove = async () => {
    await deleteTask(task.name, records);
    toast(t("delete.done", { name: task.name }));
    route("/");
  };
  return (
    <Dialog
      title={t("delete.title", { name: task.name })}
      confirm={t("task.delete")}
      danger
      disabled={typed !== task.name}
      onConfirm={remove}
      onClose={onClose}
    >
      <p>{t("delete.about")}</p>
      <CheckField label={t("delete.records")} checked={records} onInput={setRecords} hint={t("delete.records.hint")} />
      <TextField label={t("delete.type", { name: task.name })} value={typed} onInput={setTyped} mono />
    </Dialog>
  );
}
