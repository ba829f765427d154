// A run with options of its own, or in place of the live one.
import { useState } from "preact/hooks";
import { useLocation } from "preact-iso/router";
import { runHref } from "../../address";
import { beginRun } from "../../api/calls";
import { may } from "../../api/session";
import type { RunOverrides } from "../../api/types";
import { Dialog } from "../../components/dialog";
import { SelectField, TextField } from "../../components/field";
import { Notice } from "../../components/states";
import { type Key, t } from "../../i18n";

export const COMPARE = ["auto", "size-mtime", "size", "etag", "checksum", "always"] as const;

/** `allow`: deletes that the dialog begins with, for somebody who looked at what would be deleted. */
export function RunDialog({
  task,
  allow,
  onClose,
}: {
  task: { name: string; run?: unknown };
  allow?: number;
  onClose: () => void;
}) {
  const [compare, setCompare] = useState("");
  const [deletes, setDeletes] = useState(allow ? "yes" : "");
  const [most, setMost] = useState(allow ? String(allow) : "");
  const { route } = useLocation();
  const wrong = most !== "" && !/^\d+$/.test(most);
  const begin = async () => {
    const overrides: Partial<RunOverrides> = {
      ...(compare ? { compare } : {}),
      ...(deletes ? { delete: deletes === "yes" } : {}),
      ...(most ? { max_delete: Number(most) } : {}),
    };
    const { run } = await beginRun(task.name, overrides, Boolean(task.run));
    route(runHref(run));
  };
  return (
    <Dialog
      title={t("task.run.options")}
      confirm={task.run ? t("run.supersede") : t("task.run")}
      disabled={wrong}
      danger={Boolean(task.run)}
      onConfirm={begin}
      onClose={onClose}
    >
      <p class="faint">{t("run.options.about")}</p>
      {task.run && <Notice tone="warn" title={t("run.supersede.about")} />}
      <SelectField
        label={t("field.compare")}
        value={compare}
        onInput={setCompare}
        options={[
          ["", t("as.defined")],
          ...COMPARE.map((name): [string, string] => [name, t(`compare.${name}` as Key)]),
        ]}
      />
      <SelectField
        label={t("field.delete")}
        value={deletes}
        onInput={setDeletes}
        options={[
          ["", t("as.defined")],
          ["no", t("no")],
          // More deletions than the definition has are for those who may change it.
          ...(may("admin") ? [["yes", t("yes")] as [string, string]] : []),
        ]}
      />
      {may("admin") && (
        <TextField
          label={t("field.max.delete")}
          value={most}
          onInput={setMost}
          inputMode="numeric"
          placeholder={t("as.defined")}
          error={wrong ? t("error.number") : undefined}
          hint={t("field.max.delete.hint")}
        />
      )}
    </Dialog>
  );
}
