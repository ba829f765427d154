// The definition that a form fills in: reading and writing single settings, locations, credentials, schedules.
import type { Definition, Side } from "../../api/types";

type Value = string | number | boolean | string[] | undefined;

/** A setting by its path, such as `find.compare`. */
export function get(draft: Definition, path: string): unknown {
  return path
    .split(".")
    .reduce<unknown>(
      (at, name) => (typeof at === "object" && at !== null ? (at as Definition)[name] : undefined),
      draft,
    );
}

export function getText(draft: Definition, path: string): string {
  const value = get(draft, path);
  return value === undefined || value === null || typeof value === "object" ? "" : String(value);
}

/** The draft with a setting changed. One without a value is left out, and so is a section without settings. */
export function set(draft: Definition, path: string, value: Value): Definition {
  const [name = "", ...rest] = path.split(".");
  const copy = { ...draft };
  let next: unknown = value;
  if (rest.length > 0) {
    const section = typeof copy[name] === "object" && copy[name] !== null ? (copy[name] as Definition) : {};
    next = set(section, rest.join("."), value);
    if (Object.keys(next as Definition).length === 0) next = undefined;
  }
  const isNothing = next === undefined || next === "" || (Array.isArray(next) && next.length === 0);
  if (isNothing) delete copy[name];
  else copy[name] = next;
  return copy;
}

export const PROVIDERS = ["amazon", "oss", "cos", "kodo", "gs", "r2", "other", "folder"] as const;
export type Provider = (typeof PROVIDERS)[number];

const SCHEMES: Record<Provider, string> = {
  amazon: "s3://",
  other: "s3://",
  oss: "oss://",
  cos: "cos://",
  kodo: "kodo://",
  gs: "gs://",
  r2: "r2://",
  folder: "",
};

/** Which provider a side has, as its location and endpoint say. */
export function providerOf(draft: Definition, side: Side): Provider | undefined {
  const location = getText(draft, `${side}.location`);
  if (!location) return undefined;
  const scheme = /^([a-z0-9]+):\/\//.exec(location)?.[1];
  if (!scheme || scheme === "file") return "folder";
  if (scheme === "s3") return getText(draft, `${side}.endpoint-url`) ? "other" : "amazon";
  return PROVIDERS.find((provider) => SCHEMES[provider] === `${scheme}://`);
}

/** The location without its scheme. */
export function placeOf(location: string): string {
  return location.replace(/^(?!file:)[a-z0-9]+:\/\//, "");
}

/** A location from what a person wrote, who may have written the scheme too. */
export function locationOf(provider: Provider, place: string): string {
  const text = place.trim();
  if (text === "" || /^[a-z0-9]+:\/\//.test(text)) return text;
  return SCHEMES[provider] + text;
}

/** Whether the provider of a side wants an endpoint, takes one, or has none. */
export function endpointOf(provider: Provider): "wanted" | "taken" | "none" {
  if (provider === "folder") return "none";
  return provider === "other" || provider === "r2" ? "wanted" : "taken";
}

/** A name for a task, from where it copies to. */
export function suggestName(draft: Definition): string {
  const words = (["source", "destination"] as const).map(
    (side) =>
      placeOf(getText(draft, `${side}.location`))
        .split("/")
        .filter(Boolean)
        .slice(-1)[0] ?? "",
  );
  const [from, to] = words;
  const name = from && to && from !== to ? `${from}-to-${to}` : from || to || "";
  return name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 40)
    .replace(/-+$/, "");
}

export function isName(name: string): boolean {
  return /^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/.test(name) && !name.includes("--");
}

export type ScheduleKind = "hand" | "once" | "every" | "cron";

export interface Schedule {
  kind: ScheduleKind;
  every: string;
  cron: string;
  zone: string;
}

export function readSchedule(text: string, zone: string): Schedule {
  const schedule: Schedule = { kind: "hand", every: "1h", cron: "0 3 * * *", zone };
  if (text === "once") return { ...schedule, kind: "once" };
  if (text.startsWith("every ")) return { ...schedule, kind: "every", every: text.slice(6).trim() };
  const [, cron, named] = /^cron\s+(\S+\s+\S+\s+\S+\s+\S+\s+\S+)(?:\s+(\S+))?\s*$/.exec(text) ?? [];
  return cron ? { ...schedule, kind: "cron", cron, zone: named ?? "UTC" } : schedule;
}

export function writeSchedule({ kind, every, cron, zone }: Schedule): string {
  if (kind === "once") return "once";
  if (kind === "every") return `every ${every.trim()}`;
  if (kind === "cron") return `cron ${cron.trim()} ${zone.trim()}`.trim();
  return "";
}

export const STEPS = ["where", "what", "how", "when", "review"] as const;
export type Step = (typeof STEPS)[number];

const STEP_OF: Record<string, Step> = {
  task: "where",
  description: "where",
  source: "where",
  destination: "where",
  find: "what",
  filters: "what",
  work: "how",
  limits: "how",
  schedule: "when",
  events: "when",
  "events-queue": "when",
  notify: "when",
};

const FIND = [
  "compare",
  "metadata",
  "delete",
  "max-delete",
  "include",
  "exclude",
  "filters",
  "min-size",
  "max-size",
  "min-age",
  "max-age",
  "prefix-list",
  "list-concurrency",
  "job-objects",
  "job-bytes",
];
const SIDE = ["location", "endpoint-url", "region", "addressing-style", "credentials", "requester-pays"];

/** The step where a setting is, by its path or its name alone. */
/** Whether a text is a length of time as definitions spell it: 15m, 1h 30m, 7d. */
export function isInterval(text: string): boolean {
  return /^(\d+\s*[a-z]+\s*)+$/i.test(text.trim());
}

export function stepOf(setting: string): Step | undefined {
  const [section = "", name] = setting.split(".");
  const last = name ?? section;
  return STEP_OF[section] ?? (FIND.includes(last) ? "what" : SIDE.includes(last) ? "where" : undefined);
}
