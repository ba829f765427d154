// What an edit changes, setting by setting.
import type { Definition } from "../../api/types";
import { t } from "../../i18n";

/** The settings of a definition by their paths, as text. */
function settings(definition: Definition): Map<string, string> {
  const found = new Map<string, string>();
  const put = (path: string, value: unknown) => {
    if (value && typeof value === "object" && !Array.isArray(value))
      Object.entries(value).forEach(([name, inner]) => put(path ? `${path}.${name}` : name, inner));
    else if (value !== undefined && value !== null && value !== "")
      found.set(path, Array.isArray(value) ? value.join(", ") : String(value));
  };
  put("", definition);
  return found;
}

export interface Change {
  setting: string;
  before: string | undefined;
  after: string | undefined;
}

/** The settings in which two definitions differ. */
export function changes(before: Definition, after: Definition): Change[] {
  const [old, now] = [settings(before), settings(after)];
  const names = [...new Set([...old.keys(), ...now.keys()])].sort();
  return names
    .filter((name) => old.get(name) !== now.get(name))
    .map((setting) => ({ setting, before: old.get(setting), after: now.get(setting) }));
}

export function Changed({ first, draft }: { first: Definition; draft: Definition }) {
  const all = changes(first, draft);
  if (all.length === 0) return <p class="faint">{t("form.changed.nothing")}</p>;
  return (
    <section aria-label={t("form.changed")}>
      <h3>{t("form.changed")}</h3>
      <dl class="facts">
        {all.map(({ setting, before, after }) => (
          <>
            <dt class="mono">{setting}</dt>
            <dd class="mono">
              <del>{before ?? t("form.changed.unset")}</del> → <ins>{after ?? t("form.changed.unset")}</ins>
            </dd>
          </>
        ))}
      </dl>
    </section>
  );
}
