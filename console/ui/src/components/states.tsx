// What a page shows while it has nothing, waits, or failed.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Problem } from "../api/problem";
import { t } from "../i18n";
import { Button } from "./controls";
import { Icon, type IconName } from "./icon";
import { Quote } from "./raw";

/** Grey lines in the place of what loads. They appear after a moment, so that a fast answer does not flicker. */
export function Skeleton({ lines = 4, block }: { lines?: number; block?: boolean }) {
  const [shown, setShown] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setShown(true), 150);
    return () => clearTimeout(timer);
  }, []);
  return (
    <div class={`skeleton${shown ? " shown" : ""}${block ? " block" : ""}`} role="status" aria-label={t("loading")}>
      {Array.from({ length: lines }, (_, line) => (
        <span key={line} />
      ))}
    </div>
  );
}

export function Empty({ icon, title, children }: { icon: IconName; title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <span class="empty-icon">
        <Icon name={icon} size={28} />
      </span>
      <h2>{title}</h2>
      {children}
    </div>
  );
}

/** A problem: what happened, and what to do. */
export function ProblemPanel({ problem, onRetry }: { problem: Problem; onRetry?: () => void }) {
  return (
    <div class="notice bad" role="alert">
      <Icon name="failures" />
      <div>
        <strong>{problem.title}</strong>
        {problem.remedy && <p class="remedy">{problem.remedy}</p>}
        {problem.detail && problem.detail !== problem.title && <Quote text={problem.detail} />}
        {onRetry && (
          <Button icon="retry" small onClick={onRetry}>
            {t("try.again")}
          </Button>
        )}
      </div>
    </div>
  );
}

export function Notice({
  tone = "info",
  title,
  children,
}: {
  tone?: "info" | "warn" | "bad" | "good";
  title?: string;
  children?: ComponentChildren;
}) {
  const icon = tone === "info" ? "info" : tone === "good" ? "check" : "failures";
  return (
    <div class={`notice ${tone}`}>
      <Icon name={icon} />
      <div>
        {title && <strong>{title}</strong>}
        {children}
      </div>
    </div>
  );
}
