// An edit that somebody else was faster with: both values of each setting, and how to go on. Nothing that was typed is lost.
import { getDefinition } from "../../api/calls";
import { useQuery } from "../../api/query";
import type { Definition } from "../../api/types";
import { Button } from "../../components/controls";
import { Raw } from "../../components/raw";
import { Notice, ProblemPanel, Skeleton } from "../../components/states";
import { t } from "../../i18n";
import { changes } from "./changed";
import { get, set } from "./draft";

/** A newer definition with what the draft changed of the older one. */
export function rebased(older: Definition, draft: Definition, newer: Definition): Definition {
  return changes(older, draft).reduce(
    (merged, { setting }) => set(merged, setting, get(draft, setting) as Parameters<typeof set>[2]),
    newer,
  );
}

/** Settings of which the draft, the newer definition or both differ from the older one. */
export function differences(older: Definition, draft: Definition, newer: Definition) {
  const mine = new Map(changes(older, draft).map(({ setting, after }) => [setting, after]));
  const theirs = new Map(changes(older, newer).map(({ setting, after }) => [setting, after]));
  const before = new Map([...changes(older, draft), ...changes(older, newer)].map((one) => [one.setting, one.before]));
  return [...new Set([...mine.keys(), ...theirs.keys()])].sort().map((setting) => ({
    setting,
    mine: mine.has(setting) ? mine.get(setting) : before.get(setting),
    theirs: theirs.has(setting) ? theirs.get(setting) : before.get(setting),
    both: mine.has(setting) && theirs.has(setting) && mine.get(setting) !== theirs.get(setting),
  }));
}

export function Conflict({
  task,
  first,
  draft,
  onGoOn,
}: {
  task: string;
  first: Definition;
  draft: Definition;
  /** Goes on from the newer definition, with this draft. */
  onGoOn: (newer: Definition, draft: Definition, etag: string) => void;
}) {
  const found = useQuery(`newer ${task}`, () => getDefinition(task));
  const newer = found.data?.definition as Definition | undefined;
  const etag = found.data?.etag ?? "";
  return (
    <Notice tone="bad" title={t("form.conflict")}>
      <p>{t("form.conflict.about")}</p>
      {found.problem && <ProblemPanel problem={found.problem} onRetry={found.reload} />}
      {!found.data && !found.problem && <Skeleton lines={3} />}
      {newer && (
        <>
          <table class="conflict folding">
            <thead>
              <tr>
                <th>{t("form.conflict.setting")}</th>
                <th>{t("form.conflict.mine")}</th>
                <th>{t("form.conflict.theirs")}</th>
              </tr>
            </thead>
            <tbody>
              {differences(first, draft, newer).map(({ setting, mine, theirs, both }) => (
                <tr key={setting} class={both ? "both" : ""}>
                  <td class="mono lead">{setting}</td>
                  <td class="mono" data-label={t("form.conflict.mine")}>
                    <Raw text={mine ?? t("form.changed.unset")} />
                  </td>
                  <td class="mono" data-label={t("form.conflict.theirs")}>
                    <Raw text={theirs ?? t("form.changed.unset")} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
          <div class="row">
            <Button small kind="primary" onClick={() => onGoOn(newer, rebased(first, draft, newer), etag)}>
              {t("form.conflict.keep")}
            </Button>
            <Button small onClick={() => onGoOn(newer, newer, etag)}>
              {t("form.conflict.drop")}
            </Button>
          </div>
        </>
      )}
    </Notice>
  );
}
