// Who changed a task.
import { useState } from "preact/hooks";
import { runHref, shortRun } from "../../address";
import { getDefinition, listChanges } from "../../api/calls";
import { useQuery } from "../../api/query";
import type { Change, Definition, Task } from "../../api/types";
import { Button, Time } from "../../components/controls";
import { Raw } from "../../components/raw";
import { Empty, ProblemPanel, Skeleton } from "../../components/states";
import { t, word } from "../../i18n";
import { Changed } from "../form/changed";

export function ChangesTab({ task }: { task: Task }) {
  const [older, setOlder] = useState<Change[]>([]);
  const [cursor, setCursor] = useState<string | null | undefined>(undefined);
  const first = useQuery(
    `changes ${task.name} ${task.version}`,
    (signal) => listChanges(task.name, undefined, { signal }),
    { keep: `changes ${task.name}` },
  );
  if (!first.data) {
    return first.problem && first.problem.status !== 0 ? (
      <ProblemPanel problem={first.problem} onRetry={first.reload} />
    ) : (
      <div class="card">
        <Skeleton lines={6} />
      </div>
    );
  }
  const next = cursor === undefined ? first.data.next : cursor;
  const more = async () => {
    const page = await listChanges(task.name, next ?? undefined);
    setOlder([...older, ...page.items]);
    setCursor(page.next ?? null);
  };
  const items = [...first.data.items, ...older];
  if (items.length === 0)
    return (
      <section class="card">
        <Empty icon="edit" title={t("changes.none")} />
      </section>
    );
  return (
    <section class="card flush">
      <table class="folding">
        <thead>
          <tr>
            <th>{t("changes.what")}</th>
            <th>{t("changes.who")}</th>
            <th>{t("changes.note")}</th>
            <th>{t("changes.when")}</th>
          </tr>
        </thead>
        <tbody>
          {items.map((change) => (
            <Row key={change.at + change.action} change={change} task={task.name} />
          ))}
        </tbody>
      </table>
      {next && (
        <div class="pager">
          <Button onClick={more}>{t("more")}</Button>
        </div>
      )}
    </section>
  );
}

function Row({ change, task }: { change: Change; task: string }) {
  const { action, subject, who, note, at } = change;
  const isRun = Boolean(subject) && ["run", "cancel", "retry"].includes(action);
  return (
    <tr>
      <td class="lead">
        {word("action", action)}{" "}
        {subject &&
          (isRun ? (
            <a class="mono" href={runHref(subject)}>
              {shortRun(subject)}
            </a>
          ) : (
            <span class="mono">
              <Raw text={subject} />
            </span>
          ))}
      </td>
      <td data-label={t("changes.who")}>
        <Raw text={who} />
      </td>
      <td class={note ? "" : "nothing"} data-label={t("changes.note")}>
        {note && <Raw text={note} />}
        {action === "edit" && Number(subject) > 1 && <Edited task={task} version={Number(subject)} />}
      </td>
      <td class="fit" data-label={t("changes.when")}>
        <Time at={at} full />
      </td>
    </tr>
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
