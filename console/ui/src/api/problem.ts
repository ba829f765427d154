// What went wrong with a request, in the page's language as far as the page knows the code.
import { t, word } from "../i18n";

export interface Problem {
  status: number;
  code: string;
  title: string;
  detail?: string;
  remedy?: string;
  setting?: string;
}

/** A request that failed. `status` 0: no answer came. */
export class ApiError extends Error {
  constructor(readonly problem: Problem) {
    super(problem.title);
  }
}

interface Body {
  detail?: unknown;
  code?: unknown;
  remedy?: unknown;
  setting?: unknown;
}

/** Reads the body of an answer that is no success. */
export function readProblem(status: number, body: unknown): Problem {
  const { detail, code, remedy, setting } = (typeof body === "object" && body ? body : {}) as Body;
  const text = (value: unknown) => (typeof value === "string" && value ? value : undefined);
  const name = text(code) ?? "";
  return {
    status,
    code: name,
    title: word("problem", name, t(status >= 500 ? "problem.server" : "problem.refused", { status: String(status) })),
    // The server's remedies are written for the command line too, and in one language.
    ...defined({
      detail: text(detail),
      remedy: word("remedy", name, text(remedy) ?? "") || undefined,
      setting: text(setting),
    }),
  };
}

function defined(values: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

/** A problem in one sentence or two, for a message that goes away. */
export function inShort({ code, title, detail }: Problem): string {
  const remedy = word("remedy", code, "");
  return remedy ? t("problem.short", { title, remedy }) : (detail ?? title);
}

/** The problem of anything that was thrown. */
export function problemOf(error: unknown): Problem {
  if (error instanceof ApiError) return error.problem;
  const detail = error instanceof Error ? error.message : String(error);
  return { status: 0, code: "unexpected", title: t("problem.unexpected"), detail };
}
