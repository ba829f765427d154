// An error with its meaning, its remedy, and the text of the program that reported it.
import type { ComponentChildren } from "preact";
import { duration } from "../format";
import { t } from "../i18n";
import { type Side, explain } from "../why";
import { Quote } from "./raw";
import { Notice } from "./states";

export function Reason({
  error,
  side,
  tone = "bad",
  title,
  children,
}: {
  error: string;
  side?: Side;
  tone?: "warn" | "bad";
  /** A title in place of the error's own, which then stands below it. */
  title?: string;
  children?: ComponentChildren;
}) {
  const found = explain(error, side);
  const head = title ?? found.title;
  return (
    <Notice tone={tone} {...(head ? { title: head } : {})}>
      {title && found.title && <p>{found.title}</p>}
      {found.fix && <p>{found.fix}</p>}
      {found.detail && <Quote text={found.detail} />}
      {children}
    </Notice>
  );
}

/** Why a run waits before it begins. */
export function Waits({ progress }: { progress: string | null | undefined }) {
  if (!progress) return <p class="faint">{t("progress.queued")}</p>;
  const { again } = explain(progress);
  if (again === undefined) return <Quote text={progress} />;
  return <Reason tone="warn" error={progress} title={t("why.waits", { time: duration(again) })} />;
}
