// The failed objects of a run, a page at a time.
import { useEffect, useState } from "preact/hooks";
import { objectsHref } from "../../address";
import { listRunFailures } from "../../api/calls";
import { type Problem, problemOf } from "../../api/problem";
import { may } from "../../api/session";
import type { Outcome, Run } from "../../api/types";
import { isOver } from "../../components/badge";
import { Button, Copyable, PickCell, Time } from "../../components/controls";
import { Raw } from "../../components/raw";
import { ProblemPanel, Skeleton } from "../../components/states";
import { bytes } from "../../format";
import { t, word } from "../../i18n";
import { visible } from "../../visible";
import { withoutKey } from "../../why";

/** Most keys that one retry names. */
const MAX_KEYS = 1_000;

export function FailureList({
  run,
  cause,
  picked,
  onPick,
}: {
  run: Run;
  cause: string;
  picked: ReadonlySet<string>;
  onPick: (picked: ReadonlySet<string>) => void;
}) {
  const [items, setItems] = useState<Outcome[]>([]);
  const [next, setNext] = useState<string | null | undefined>(undefined);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const read = async (cursor?: string) => {
    setBusy(true);
    try {
      let page = await listRunFailures(run.id, { ...(cause ? { cause } : {}), ...(cursor ? { cursor } : {}) });
      const found = [...page.items];
      // A page may be empty while there are more: a few are read at once, and a person asks for the rest.
      for (let turn = 0; turn < 10 && found.length === 0 && page.next; turn += 1) {
        page = await listRunFailures(run.id, { ...(cause ? { cause } : {}), cursor: page.next });
        found.push(...page.items);
      }
      setItems((items) => (cursor ? [...items, ...found] : found));
      setNext(page.next ?? null);
      setProblem(null);
    } catch (error) {
      setProblem(problemOf(error));
    }
    setBusy(false);
  };
  useEffect(() => void read(), [run.id, cause, isOver(run)]);
  if (problem) return <ProblemPanel problem={problem} onRetry={() => void read()} />;
  if (next === undefined) return <Skeleton lines={4} />;
  const picking = may("operator") && isOver(run);
  const pick = (key: string, on: boolean) => {
    const chosen = new Set(picked);
    if (on && chosen.size < MAX_KEYS) chosen.add(key);
    else chosen.delete(key);
    onPick(chosen);
  };
  return (
    <>
      <table class="folding failures">
        <thead>
          <tr>
            {picking && (
              <th class="pick">
                <span class="hidden">{t("retry.pick")}</span>
              </th>
            )}
            <th>{t("failures.object")}</th>
            <th>{t("failures.why")}</th>
            <th class="number">{t("failures.size")}</th>
            <th>{t("failures.when")}</th>
          </tr>
        </thead>
        <tbody>
          {items.map((item) => (
            <Row
              key={item.key}
              item={item}
              task={run.task ?? ""}
              picked={picking ? picked.has(item.key) : undefined}
              onPick={(on) => pick(item.key, on)}
            />
          ))}
        </tbody>
      </table>
      {next && (
        <div class="pager">
          <Button busy={busy} onClick={() => void read(next)}>
            {t("more")}
          </Button>
        </div>
      )}
    </>
  );
}

function Row({
  item,
  task,
  picked,
  onPick,
}: {
  item: Outcome;
  task: string;
  picked: boolean | undefined;
  onPick: (on: boolean) => void;
}) {
  const { key, error, reason, size, attempts, finished } = item;
  return (
    <tr class={picked === undefined ? "" : "picked"}>
      {picked !== undefined && <PickCell label={t("retry.pick.key", { key })} picked={picked} onPick={onPick} />}
      <td class="lead">
        <span class="key-line">
          {task ? (
            <a class="mono key" href={objectsHref(task, key)} title={visible(key)}>
              <Raw text={key} />
            </a>
          ) : (
            <span class="mono key">
              <Raw text={key} />
            </span>
          )}
          <Copyable text={key} shown="" />
        </span>
      </td>
      <td class="wide" data-label={t("failures.why")}>
        {/* The text of the cause stands above the list. */}
        <span class="clamp one" title={error ? visible(error) : undefined}>
          {error ? <Raw text={withoutKey(error, key)} /> : reason ? word("cause", reason) : "–"}
        </span>
        {attempts > 1 && <span class="under">{t("failures.attempts", { n: attempts })}</span>}
      </td>
      <td class="number fit" data-label={t("failures.size")}>
        {bytes(size)}
      </td>
      <td class="fit" data-label={t("failures.when")}>
        <Time at={finished} />
      </td>
    </tr>
  );
}
