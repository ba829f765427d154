// The API's types by their short names.
import type { components } from "./schema";

type Schemas = components["schemas"];

export type Change = Schemas["Change"];
export type CredentialsOrigin = Schemas["CredentialsOrigin"];
export type DeadLetter = Schemas["DeadLetter"];
export type Definition = Record<string, unknown>;
export type EndedRun = Schemas["EndedRun"];
export type FailureGroup = Schemas["FailureGroup"];
export type Features = Schemas["Features"];
export type LimitsPatch = Schemas["LimitsPatch"];
export type LiveRun = Schemas["LiveRun"];
export type Notice = Schemas["Notice"];
export type NoticeReceiver = Schemas["Receiver"];
export type Me = Schemas["Me"];
export type Operation = Schemas["Operation"];
export type Outcome = Schemas["Outcome"];
export type Progress = Schemas["Progress"];
export type Role = Schemas["Role"];
export type Run = Schemas["Run"];
export type RunOverrides = Schemas["RunOverrides"];
export type RunState = Schemas["RunState"];
export type Samples = Schemas["Samples"];
export type Task = Schemas["Task"];
export type TaskItem = Schemas["TaskItem"];
export type TaskStatus = Schemas["TaskStatus"];
export type TaskFailures = Schemas["TaskFailures"];
export type WorkerError = Schemas["WorkerError"];
export type Worker = Schemas["Worker"];
export type Workers = Schemas["Workers"];

/** A right as a probe answers it. */
export interface Answer {
  answer: "yes" | "no" | "not-tried";
  reason?: string;
  remedy?: string;
}

export type Side = "source" | "destination";

export const RIGHTS = ["list", "read", "write", "delete"] as const;

/** The result of a probe: each right of each side. */
export type ProbeResult = Record<Side, { location: string } & Record<(typeof RIGHTS)[number], Answer>>;

/** The result of a plan. */
export interface PlanResult {
  listed: number;
  listed_destination: number;
  unchanged: number;
  filtered: number;
  not_judged: number;
  copies: number;
  copy_bytes: number;
  deletes: number;
  /** The first keys of each in key order, at most 10. Plans of older versions have none. */
  copy_keys?: string[];
  delete_keys?: string[];
  deletes_refused: string | null;
  jobs: number;
  requests?: unknown;
  usd_requests?: number | null;
  usd_egress_at_most?: number | null;
  prices_date?: string;
}

/** The result of a verification. */
export interface VerifyResult {
  compared: number;
  same: number;
  size_only?: number;
  different: number;
  changing?: number;
  differences?: { key: string; kind: string; what: string }[];
}
