// Errors of runs in the page's words and language: the engine's have the names of the command line's options.
import { t } from "./i18n";

/** Deletes that a run refused to make. */
export interface Refused {
  deletes: number;
  /** Most deletes that were allowed; absent: the source was empty. */
  most?: number;
}

const number = (text: string) => Number(text.replace(/[, ]/g, ""));

export function refused(error: string): Refused | undefined {
  const tooMany = /refused to delete ([\d, ]+) objects?, because max-delete allows ([\d,]+)/.exec(error);
  if (tooMany) return { deletes: number(tooMany[1] ?? ""), most: number(tooMany[2] ?? "") };
  const empty = /the source has no objects, and the run would delete ([\d, ]+) objects?/.exec(error);
  return empty ? { deletes: number(empty[1] ?? "") } : undefined;
}

/** An error as the page says it: what it does not know stays as it is. */
export function why(error: string): string {
  const found = refused(error);
  if (!found) return error;
  const { deletes: n, most } = found;
  return most === undefined ? t("why.empty.source", { n }) : t("why.too.many.deletes", { n, most });
}

/** A store that does not answer, as a worker reports it: transfers wait for it. */
export interface Outage {
  side?: "source" | "destination";
  /** The error of the last request. */
  error: string;
}

export function outage(error: string): Outage | undefined {
  const known = /^transfers wait: the last requests to the (source|destination) failed: (.*)$/s.exec(error);
  if (known) return { side: known[1] as "source" | "destination", error: known[2] ?? "" };
  return /^transfers wait:|requests to a store fail/.test(error) ? { error } : undefined;
}
