// The charts of a task.
import { getSamples } from "../../api/calls";
import { useQuery } from "../../api/query";
import type { Task } from "../../api/types";
import { Chart, type Series } from "../../components/chart";
import { RunBars } from "../../components/run-bars";
import { ProblemPanel, Skeleton } from "../../components/states";
import { bytesRate, compact, duration, rate } from "../../format";
import { type Key, t } from "../../i18n";
import { chartSpan } from "../../settings";

const SPANS: [number, Key][] = [
  [60, "span.hour"],
  [360, "span.six"],
  [1_440, "span.day"],
  [10_080, "span.week"],
];

const MOVES = [
  "bytes_per_second",
  "objects_per_second",
  "ready",
  "leased",
  "machines",
  "machines_wanted",
  "event_age",
] as const;

export function Charts({ task }: { task: Task }) {
  const span = chartSpan.value;
  const samples = useQuery(`samples ${task.name} ${span}`, (signal) => getSamples(task.name, span, { signal }), {
    every: 30,
  });
  const data = samples.data;
  const chart = (title: Key, format: (value: number) => string, ...series: Series[]) =>
    data && (
      <Chart
        title={t(title)}
        times={data.time}
        series={series}
        format={format}
        steps={format === bytesRate ? "sizes" : "counts"}
      />
    );
  const some = (values: (number | null | undefined)[] | undefined) =>
    values?.some((value) => typeof value === "number");
  // Charts of zeros alone say less than one line.
  const moved = data && MOVES.some((name) => data[name]?.some((value) => (value ?? 0) > 0));
  return (
    <section aria-label={t("charts.title")}>
      <div class="card-head charts-head">
        <h2>{t("charts.title")}</h2>
        <div class="span" role="group" aria-label={t("charts.span")}>
          {SPANS.map(([minutes, label]) => (
            <button
              type="button"
              key={minutes}
              aria-pressed={minutes === span}
              onClick={() => (chartSpan.value = minutes)}
            >
              {t(label)}
            </button>
          ))}
        </div>
      </div>
      {samples.problem && !data && samples.problem.status !== 0 && (
        <ProblemPanel problem={samples.problem} onRetry={samples.reload} />
      )}
      {!data && !samples.problem && (
        <div class="card">
          <Skeleton lines={3} block />
        </div>
      )}
      <div class="charts">
        <RunBars task={task} />
      </div>
      {data && !moved && (
        <div class="card">
          <p class="faint">{t("charts.nothing")}</p>
        </div>
      )}
      {moved && (
        <div class="charts">
          {data && chart("chart.bytes", bytesRate, { name: t("chart.bytes"), values: data.bytes_per_second })}
          {data && chart("chart.objects", rate, { name: t("chart.objects"), values: data.objects_per_second })}
          {data &&
            chart(
              "chart.queue",
              compact,
              { name: t("queue.ready"), values: data.ready },
              { name: t("queue.leased"), values: data.leased },
            )}
          {data &&
            (some(data.machines_wanted)
              ? chart(
                  "chart.machines",
                  rate,
                  { name: t("chart.machines.wanted"), values: data.machines_wanted },
                  { name: t("chart.machines.service"), values: data.machines_in_service },
                )
              : chart("chart.machines.busy", rate, { name: t("chart.machines.busy"), values: data.machines }))}
          {data &&
            some(data.event_age) &&
            chart("chart.event.age", duration, { name: t("chart.event.age"), values: data.event_age })}
          {data &&
            some(data.failed) &&
            data.failed.some((value) => (value ?? 0) > 0) &&
            chart("chart.failed", compact, { name: t("chart.failed"), values: data.failed })}
        </div>
      )}
    </section>
  );
}
