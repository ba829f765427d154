// What is copied: the comparison, deletes, filters.
import { CheckField, Choice, TextField } from "../../components/field";
import { Notice } from "../../components/states";
import { type Key, t } from "../../i18n";
import { COMPARE } from "../task/run-options";
import { get, getText } from "./draft";
import type { StepProps } from "./wizard";

const lines = (value: unknown) => (Array.isArray(value) ? value.join("\n") : "");
const rules = (text: string) => text.split("\n").filter((line) => line.trim() !== "");

/** Most deletes in one run that the form proposes: a wrong or half-empty source is refused rather than mirrored. */
const MOST_DELETES = 1_000;

export function What({ draft, change, wrong }: StepProps) {
  const deletes = get(draft, "find.delete") === true;
  const text = (name: string) => getText(draft, `find.${name}`);
  const most = text("max-delete");
  return (
    <>
      <Choice
        legend={t("field.compare")}
        value={text("compare") || "auto"}
        onInput={(value) => change("find.compare", value === "auto" ? undefined : value)}
        options={COMPARE.map((value) => ({
          value,
          label: t(`compare.${value}` as Key),
          hint: t(`compare.${value}.hint` as Key),
        }))}
      />
      <CheckField
        label={t("field.metadata")}
        hint={t("field.metadata.hint")}
        checked={get(draft, "find.metadata") === true}
        onInput={(on) => change("find.metadata", on || undefined)}
      />
      <fieldset class="stack tight">
        <CheckField
          label={t("field.delete")}
          hint={t("field.delete.hint")}
          checked={deletes}
          onInput={(on) => {
            change("find.delete", on || undefined);
            change("find.max-delete", on ? MOST_DELETES : undefined);
          }}
        />
        {deletes && (
          <>
            <Notice tone="warn" title={t("field.delete.warn")} />
            <TextField
              label={t("field.max.delete")}
              value={most}
              inputMode="numeric"
              optional={t("recommended")}
              hint={t("field.max.delete.hint")}
              error={wrong("find.max-delete") ?? (/^\d*$/.test(most) ? undefined : t("error.number"))}
              onInput={(value) => change("find.max-delete", /^\d+$/.test(value) ? Number(value) : value)}
            />
          </>
        )}
      </fieldset>
      <details
        class="advanced"
        open={["include", "exclude", "min-size", "max-size", "min-age", "max-age"].some(
          (name) => get(draft, `find.${name}`) !== undefined,
        )}
      >
        <summary>{t("form.filters")}</summary>
        <div class="stack">
          <div class="halves">
            <TextField
              label={t("field.include")}
              rows={3}
              mono
              value={lines(get(draft, "find.include"))}
              placeholder="*.jpg"
              hint={t("field.include.hint")}
              error={wrong("find.include")}
              onInput={(value) => change("find.include", rules(value))}
            />
            <TextField
              label={t("field.exclude")}
              rows={3}
              mono
              value={lines(get(draft, "find.exclude"))}
              placeholder="tmp/*"
              hint={t("field.exclude.hint")}
              error={wrong("find.exclude")}
              onInput={(value) => change("find.exclude", rules(value))}
            />
          </div>
          <div class="quarters">
            {(["min-size", "max-size", "min-age", "max-age"] as const).map((name) => (
              <TextField
                key={name}
                label={t(`field.${name}`)}
                value={text(name)}
                placeholder={name.endsWith("size") ? "10MiB" : "7d"}
                error={wrong(`find.${name}`)}
                onInput={(value) => change(`find.${name}`, value.trim())}
              />
            ))}
          </div>
        </div>
      </details>
    </>
  );
}
