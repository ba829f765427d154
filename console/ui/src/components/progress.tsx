// A run as a picture, with the numbers beside it.
import type { Progress } from "../api/types";
import { bytes, bytesRate, compact, count, duration, percent, rate } from "../format";
import { t } from "../i18n";
import { parts, settledObjects, widths } from "../progress";
import { why } from "../why";
import { isLive } from "./badge";

/** The bar of a run. It says its share in words to screen readers. */
export function Bar({ progress, thin }: { progress: Progress; thin?: boolean }) {
  const all = parts(progress);
  const known = progress.share !== null && progress.share !== undefined;
  const label = known ? t("progress.share", { share: percent(progress.share ?? 0) }) : t("progress.unknown");
  if (all.length === 0) {
    const state = isLive(progress.state) ? " waiting" : "";
    return <div class={`bar${thin ? " thin" : ""}${state}`} role="img" aria-label={label} />;
  }
  const size = widths(all);
  // Nobody knows yet how much there is, so the bar stays open at its end.
  const shown = !known && isLive(progress.state) ? 0.7 : 1;
  return (
    <div class={`bar${thin ? " thin" : ""}`} role="img" aria-label={label}>
      {all.map(({ fill }, at) => (
        <span key={fill} class={fill} style={{ width: `${(size[at] ?? 0) * shown}%` }} />
      ))}
      {shown < 1 && <span class="open" />}
    </div>
  );
}

export function Legend({ progress }: { progress: Progress }) {
  return (
    <ul class="legend">
      {parts(progress).map(({ name, fill, objects }) => (
        <li key={fill}>
          <span class={`swatch ${fill}`} />
          <span class="faint">{t(name)}</span> {count(objects)}
        </li>
      ))}
    </ul>
  );
}

/** A run in one line: share, rate, time left. */
export function brief(progress: Progress): string {
  const words: string[] = [];
  if (progress.state === "queued") return progress.progress ? why(progress.progress) : t("progress.queued");
  if (progress.share !== null && progress.share !== undefined) words.push(percent(progress.share));
  else words.push(t("progress.listed", { n: progress.found.listed }));
  if (progress.rate && progress.rate.bytes > 0) words.push(bytesRate(progress.rate.bytes));
  else if (progress.rate && progress.rate.objects > 0)
    words.push(t("per.second", { rate: rate(progress.rate.objects) }));
  if (progress.seconds_left) words.push(t("progress.left", { time: duration(progress.seconds_left, true) }));
  return words.join(" · ");
}

/** A run with its share, counters, rate and estimate. */
export function ProgressView({ progress }: { progress: Progress }) {
  const { share, found, settled, enqueued } = progress;
  const known = share !== null && share !== undefined;
  return (
    <div class="stack tight">
      <div class="progress-line">
        <strong>{known ? percent(share) : compact(found.listed)}</strong>
        <span class="faint">
          {known
            ? t("progress.objects", { done: settledObjects(settled), all: enqueued })
            : t("progress.listed.so.far")}
        </span>
        {isLive(progress.state) && progress.seconds_left ? (
          <span class="push">{t("progress.left", { time: duration(progress.seconds_left, true) })}</span>
        ) : null}
      </div>
      <Bar progress={progress} />
      <Legend progress={progress} />
    </div>
  );
}

export function RunStats({ progress }: { progress: Progress }) {
  const { found, settled, rate: speed } = progress;
  return (
    <dl class="stats">
      <Stat
        name={t("stat.listed")}
        value={count(found.listed)}
        more={t("stat.listed.destination", { n: found.listed_destination })}
      />
      <Stat
        name={t("stat.copied")}
        value={bytes(settled.bytes)}
        more={t("stat.of.bytes", { all: bytes(found.enqueued_bytes) })}
      />
      {found.deletes + settled.deleted > 0 && <Stat name={t("part.deleted")} value={count(settled.deleted)} />}
      <Stat
        name={t("stat.rate")}
        value={speed ? bytesRate(speed.bytes) : "–"}
        more={speed ? t("per.second", { rate: rate(speed.objects) }) : ""}
      />
      <Stat
        name={t("stat.failed")}
        value={count(settled.failed)}
        bad={settled.failed > 0}
        more={found.not_judged ? t("stat.not.judged", { n: found.not_judged }) : ""}
      />
    </dl>
  );
}

export function Stat({ name, value, more, bad }: { name: string; value: string; more?: string; bad?: boolean }) {
  return (
    <div class="stat">
      <dt>{name}</dt>
      <dd class={bad ? "bad-text" : ""}>
        {value}
        {more ? <small>{more}</small> : null}
      </dd>
    </div>
  );
}
