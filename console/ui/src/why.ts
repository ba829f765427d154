// Errors of runs, workers and stores in the page's words and language. Programs write theirs for the command line.
import { t, word } from "./i18n";
import { visible } from "./visible";

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

export type Side = "source" | "destination";

/** Transfers that wait for a store, as a worker reports it. */
export interface Outage {
  side?: Side;
  /** The error of the last request. */
  error: string;
}

export function outage(error: string): Outage | undefined {
  const known = /^transfers wait: the last requests to the (source|destination) failed: (.*)$/s.exec(error);
  if (known) return { side: known[1] as Side, error: known[2] ?? "" };
  return /^transfers wait:|requests to a store fail/.test(error) ? { error } : undefined;
}

/** Texts of programs and stores by their meaning; the first that matches counts. */
const MEANINGS: [RegExp, Meaning][] = [
  [/SignatureDoesNotMatch|check the secret access key/, "wrong-secret"],
  [/InvalidAccessKeyId|check the access key id/, "unknown-key"],
  [/ExpiredToken|TokenRefreshRequired|credentials (have|are) expired/, "expired-credentials"],
  [/RequestTimeTooSkewed|RequestExpired/, "clock-skew"],
  [/configure (env|file|profile|secretsmanager|role)\b/, "credentials"],
  [/NoSuchBucket/, "no-such-container"],
  [/certificate|[Hh]andshake|does not speak TLS|speaks no TLS/, "tls"],
  [/is no S3|not an? S3|web page/, "not-s3"],
  [/SlowDown|TooManyRequests|HTTP 429/, "throttled"],
  [/AccessDenied|Access Denied|Permission denied|HTTP 40[13]/, "denied"],
  [/Connection refused|no answer|[Tt]imed out|dns error|Connection reset|unreachable/, "connection"],
  [/ServiceUnavailable|HTTP 50\d/, "unavailable"],
  [/No space left|QuotaExceeded|disk full/, "exhausted"],
];

const OWN = ["wrong-secret", "unknown-key", "credentials", "tls", "not-s3"] as const;
type Meaning =
  | (typeof OWN)[number]
  | "expired-credentials"
  | "clock-skew"
  | "no-such-container"
  | "throttled"
  | "denied"
  | "connection"
  | "unavailable"
  | "exhausted";

export interface Explained {
  /** The error in the page's words; absent: the page does not know it. */
  title?: string;
  /** What to do about it. */
  fix?: string;
  side?: Side;
  /** Seconds after which a worker tries again. */
  again?: number;
  /** The error as the program wrote it, if it says more. */
  detail?: string;
}

/** What an error means, and what to do. `side`: the side that it is of, where that is known. */
export function explain(error: string, side?: Side): Explained {
  const found = refused(error);
  if (found) return { title: refusal(found) };
  const again = /trying again in (\d+) s/.exec(error)?.[1];
  const waits = outage(error);
  const rest = (waits?.error ?? error).replace(/^cannot begin, trying again in \d+ s: /, "");
  const of = side ?? waits?.side ?? (/(?:^|: )(source|destination): /.exec(rest)?.[1] as Side | undefined);
  const meaning = MEANINGS.find(([pattern]) => pattern.test(rest))?.[1];
  const about = { ...(of ? { side: of } : {}), ...(again ? { again: Number(again) } : {}), detail: rest };
  if (!meaning) return waits && of ? { ...about, title: t(`outage.title.${of}`) } : about;
  const name = word((OWN as readonly string[]).includes(meaning) ? "meaning" : "cause", meaning);
  return { ...about, title: of ? t("why.side", { side: t(`side.${of}`), why: name }) : name, ...fixOf(meaning) };
}

/** What to do about a cause, as far as the page knows. */
export function fixOf(cause: string): { fix?: string } {
  const fix = word("fix", cause, "");
  return fix ? { fix } : {};
}

function refusal({ deletes: n, most }: Refused): string {
  return most === undefined ? t("why.empty.source", { n }) : t("why.too.many.deletes", { n, most });
}

/** An error in one line: in the page's words, or as it is where the page does not know it. */
export function why(error: string): string {
  const { title, detail } = explain(error);
  return title ?? detail ?? error;
}

/** An error of a transfer without what its row says already: the request, the location and the key. */
export function withoutKey(error: string, key: string): string {
  for (const end of [`${key}: `, `${visible(key, false)}: `]) {
    const at = error.indexOf(end);
    if (at >= 0 && at < 400) return error.slice(at + end.length);
  }
  return error;
}
