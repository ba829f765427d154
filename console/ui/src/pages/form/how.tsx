// How objects are copied: what comes along, limits, and the finer settings.
import { CheckField, SelectField, TextField } from "../../components/field";
import { session } from "../../api/session";
import { t } from "../../i18n";
import { get, getText } from "./draft";
import type { StepProps } from "./wizard";

const CLASSES = [
  "STANDARD",
  "STANDARD_IA",
  "INTELLIGENT_TIERING",
  "ONEZONE_IA",
  "GLACIER_IR",
  "GLACIER",
  "DEEP_ARCHIVE",
];
const ACLS = [
  "private",
  "public-read",
  "public-read-write",
  "authenticated-read",
  "aws-exec-read",
  "bucket-owner-read",
  "bucket-owner-full-control",
];
const plain = (names: string[]) => names.map((name): [string, string] => [name, name]);

export function How({ draft, change, wrong }: StepProps) {
  const text = (path: string) => getText(draft, path);
  const number = (value: string) => (/^\d+$/.test(value.trim()) ? Number(value) : value);
  return (
    <>
      <div class="thirds">
        <TextField
          label={t("limits.bandwidth")}
          value={text("limits.bandwidth")}
          placeholder={t("no.limit")}
          hint={t("limits.bandwidth.hint")}
          error={wrong("limits.bandwidth")}
          onInput={(value) => change("limits.bandwidth", number(value))}
        />
        {session.value.features?.scales_machines && (
          <TextField
            label={t("limits.machines")}
            value={text("limits.machines")}
            placeholder={t("no.limit")}
            inputMode="numeric"
            error={wrong("limits.machines")}
            onInput={(value) => change("limits.machines", number(value))}
          />
        )}
        <TextField
          label={t("limits.requests")}
          value={text("limits.requests")}
          placeholder={t("no.limit")}
          inputMode="numeric"
          hint={t("limits.requests.hint")}
          error={wrong("limits.requests")}
          onInput={(value) => change("limits.requests", number(value))}
        />
      </div>
      <div class="halves">
        <SelectField
          label={t("field.storage")}
          value={text("work.storage-class")}
          error={wrong("work.storage-class")}
          onInput={(value) => change("work.storage-class", value)}
          options={[["", t("as.source")], ...plain(CLASSES)]}
        />
        <SelectField
          label={t("field.sse")}
          value={text("work.sse")}
          error={wrong("work.sse")}
          onInput={(value) => change("work.sse", value)}
          options={[
            ["", t("as.bucket")],
            ["AES256", "AES256"],
            ["aws:kms", "aws:kms"],
          ]}
        />
      </div>
      {text("work.sse") === "aws:kms" && (
        <TextField
          label={t("field.kms")}
          value={text("work.sse-kms-key-id")}
          mono
          optional={t("optional")}
          error={wrong("work.sse-kms-key-id")}
          onInput={(value) => change("work.sse-kms-key-id", value.trim())}
        />
      )}
      <CheckField
        label={t("field.strict")}
        hint={t("field.strict.hint")}
        checked={get(draft, "work.strict") === true}
        onInput={(on) => change("work.strict", on || undefined)}
      />
      <CheckField
        label={t("field.no.tags")}
        hint={t("field.no.tags.hint")}
        checked={get(draft, "work.tags") === false}
        onInput={(on) => change("work.tags", on ? false : undefined)}
      />
      <Finer draft={draft} change={change} wrong={wrong} />
    </>
  );
}

function Finer({ draft, change, wrong }: Pick<StepProps, "draft" | "change" | "wrong">) {
  const text = (name: string) => getText(draft, `work.${name}`);
  return (
    <details class="advanced">
      <summary>{t("form.advanced")}</summary>
      <div class="stack">
        <div class="halves">
          <SelectField
            label={t("field.canned")}
            value={text("canned-acl")}
            error={wrong("work.canned-acl")}
            onInput={(value) => change("work.canned-acl", value)}
            options={[["", t("as.bucket")], ...plain(ACLS)]}
          />
          <SelectField
            label={t("field.restore")}
            value={text("restore")}
            error={wrong("work.restore")}
            hint={t("field.restore.hint")}
            onInput={(value) => change("work.restore", value)}
            options={[["", t("field.restore.skip")], ...plain(["Bulk", "Standard", "Expedited"])]}
          />
        </div>
        <CheckField
          label={t("field.acl")}
          hint={t("field.acl.hint")}
          checked={get(draft, "work.acl") === true}
          onInput={(on) => change("work.acl", on || undefined)}
        />
        <div class="thirds">
          {(["part-size", "multipart-threshold", "giant-threshold"] as const).map((name) => (
            <TextField
              key={name}
              label={t(`field.${name}`)}
              value={text(name)}
              placeholder={t("automatic")}
              error={wrong(`work.${name}`)}
              onInput={(value) => change(`work.${name}`, value.trim())}
            />
          ))}
        </div>
      </div>
    </details>
  );
}
