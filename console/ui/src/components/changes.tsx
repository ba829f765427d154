// Changes of tasks as a table: who did what, when, and what an edit changed.
import { useState } from "preact/hooks";
import { runHref, shortRun, taskHref } from "../address";
import { getDefinition } from "../api/calls";
import { useQuery } from "../api/query";
import type { Change, Definition } from "../api/types";
import { t, word } from "../i18n";
import { Changed } from "../pages/form/changed";
import { Time } from "./controls";
import { Raw } from "./raw";
import { ProblemPanel, Skeleton } from "./states";

/** `ofAll`: each row names its task. */
export function ChangesTable({ changes, ofAll }: { changes: Change[]; ofAll?: boolean }) {
  return (
    <table class="folding">
      <thead>
        <tr>
          <th>{t("changes.what")}</th>
          {ofAll && <th>{t("col.task")}</th>}
          <th>{t("changes.who")}</th>
          <th>{t("changes.note")}</th>
          <th>{t("changes.when")}</th>
        </tr>
      </thead>
      <tbody>
        {changes.map((change) => (
          <Row
            key={[change.task_id, change.at, change.action, change.subject].join(" ")}
            change={change}
            ofAll={ofAll ?? false}
          />
        ))}
      </tbody>
    </table>
  );
}

function Row({ change, ofAll }: { change: Change; ofAll: boolean }) {
  const { task, action, subject, who, note, at } = change;
  const isEdit = action === "edit" && Number(subject) > 1;
  return (
    <tr>
      <td class="lead">
        {word("action", action)} {subject && <Subject action={action} subject={subject} />}
      </td>
      {ofAll && (
        <td data-label={t("col.task")}>
          <a href={taskHref(task)}>
            <Raw text={task} />
          </a>
        </td>
      )}
      <td data-label={t("changes.who")}>
        <Raw text={who} />
      </td>
      <td class={note || isEdit ? "" : "nothing"} data-label={t("changes.note")}>
        {note && <Raw text={note} />}
        {isEdit && <Edited task={task} version={Number(subject)} />}
      </td>
      <td class="fit" data-label={t("changes.when")}>
        <Time at={at} full />
      </td>
    </tr>
  );
}

function Subject({ action, subject }: { action: string; subject: string }) {
  if (["run", "cancel", "retry"].includes(action))
    return (
      <a class="mono" href={runHref(subject)} title={subject}>
        {shortRun(subject)}
      </a>
    );
  return (
    <span class="mono">
      <Raw text={subject} />
    </span>
  );
}

/** What an edit changed, read from both versions when it is opened. */
function Edited({ task, version }: { task: string; version: number }) {
  const [open, setOpen] = useState(false);
  const read = async () => {
    const [before, after] = await Promise.all([getDefinition(task, version - 1), getDefinition(task, version)]);
    return { first: (before.definition ?? {}) as Definition, draft: (after.definition ?? {}) as Definition };
  };
  const found = useQuery(`edited ${task} ${version}`, read, { when: open });
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{t("changes.show")}</summary>
      {found.data ? (
        <Changed {...found.data} />
      ) : found.problem ? (
        <ProblemPanel problem={found.problem} onRetry={found.reload} />
      ) : (
        open && <Skeleton lines={2} />
      )}
    </details>
  );
}
