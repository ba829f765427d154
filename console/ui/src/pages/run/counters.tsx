// The counters of a run as sums: each line is a part of the line above it.
import type { Run } from "../../api/types";
import { bytes, count } from "../../format";
import { t, word } from "../../i18n";
import { left } from "../../progress";

interface Line {
  name: string;
  value: number;
  more?: string;
  depth: number;
  bad?: boolean;
}

/** What was found, and what became of it. Lines of nothing are left out, but for totals. */
export function lines({ found, settled, state }: Run): Line[] {
  const reasons = (by: Record<string, number> | undefined, group: string): Line[] =>
    Object.entries(by ?? {})
      .sort(([, one], [, other]) => other - one)
      .map(([name, value]) => ({ name: word(group, name), value, depth: 2 }));
  const all: Line[] = [
    { name: t("counter.listed"), value: found.listed, depth: 0 },
    { name: t("part.unchanged"), value: found.unchanged, depth: 1 },
    { name: t("counter.to.copy"), value: found.enqueued, more: bytes(found.enqueued_bytes), depth: 1 },
    { name: t("counter.not.judged"), value: found.not_judged, depth: 1, bad: true },
    { name: t("counter.filtered"), value: found.filtered, depth: 1 },
    { name: t("counter.todo"), value: found.enqueued + found.deletes, depth: 0 },
    { name: t("part.copied"), value: settled.copied, more: bytes(settled.bytes), depth: 1 },
    { name: t("part.deleted"), value: settled.deleted, depth: 1 },
    { name: t("part.skipped"), value: settled.skipped, depth: 1 },
    ...reasons(settled.skipped_by, "reason"),
    { name: t("part.failed"), value: settled.failed, depth: 1, bad: true },
    { name: t("part.cancelled"), value: settled.cancelled, depth: 1 },
    { name: t(state === "stopped" ? "part.unsettled" : "part.left"), value: left({ found, settled }), depth: 1 },
    { name: t("counter.unlisted"), value: found.unlisted, depth: 0, bad: true },
  ];
  return all.filter(({ name, value }) => value > 0 || name === t("counter.listed") || name === t("counter.todo"));
}

export function Counters({ run }: { run: Run }) {
  return (
    <section class="card">
      <h2>{t("run.counters")}</h2>
      <table class="counters">
        <tbody>
          {lines(run).map(({ name, value, more, depth, bad }) => (
            <tr key={`${depth} ${name}`} class={`depth-${depth}${bad && value > 0 ? " bad-text" : ""}`}>
              <th scope="row">{name}</th>
              <td class="number">{count(value)}</td>
              <td class="number faint">{more ?? ""}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
