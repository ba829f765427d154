// What a run's counters add up to.
import type { Key } from "./i18n";
import type { Progress } from "./api/types";

export interface Part {
  name: Key;
  fill: string;
  objects: number;
}

/** Objects of a run by what became of them; together they are all that the run has to do with. */
export function parts({ found, settled, state }: Progress): Part[] {
  const all: Part[] = [
    { name: "part.unchanged", fill: "fill-same", objects: found.unchanged },
    { name: "part.copied", fill: "fill-done", objects: settled.copied },
    { name: "part.deleted", fill: "fill-deleted", objects: settled.deleted },
    { name: "part.skipped", fill: "fill-skipped", objects: settled.skipped + settled.cancelled },
    { name: "part.failed", fill: "fill-failed", objects: settled.failed + found.not_judged },
    {
      name: state === "stopped" ? "part.unsettled" : "part.left",
      fill: "fill-left",
      objects: left({ found, settled }),
    },
  ];
  return all.filter(({ objects }) => objects > 0);
}

/** Objects that are to be copied or deleted, and are not settled. */
export function left({ found, settled }: Pick<Progress, "found" | "settled">): number {
  return Math.max(0, found.enqueued + found.deletes - settledObjects(settled));
}

export function settledObjects(settled: Progress["settled"]): number {
  return settled.copied + settled.deleted + settled.skipped + settled.failed + settled.cancelled;
}

/** Widths of parts in percent. A part that is there is seen: it has at least 0.8 %. */
export function widths(parts: Part[]): number[] {
  const total = parts.reduce((sum, { objects }) => sum + objects, 0);
  const least = 0.8;
  const raw = parts.map(({ objects }) => Math.max(least, (objects / Math.max(total, 1)) * 100));
  const sum = raw.reduce((sum, width) => sum + width, 0);
  return raw.map((width) => (width / sum) * 100);
}

/** Keys that take a place in the sum of a run: listed = unchanged + copies + not judged. */
export function isBusyListing({ state }: Progress): boolean {
  return state === "queued" || state === "listing";
}
