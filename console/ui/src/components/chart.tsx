// A chart over time: a line or two, a sentence that says the same, and a table of the numbers.
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { dateTime, timeOfDay } from "../format";
import { t } from "../i18n";
import { language, theme, zone } from "../settings";

export interface Series {
  name: string;
  values: (number | null | undefined)[];
}

interface ChartProps {
  title: string;
  times: number[];
  series: Series[];
  format: (value: number) => string;
  /** Steps of the axis: of sizes by powers of two, of counts whole. */
  steps?: "sizes" | "counts";
}

/** The last and the largest value; empty where there is none. */
export function summary(values: Series["values"], format: (value: number) => string): string {
  const there = values.filter((value): value is number => typeof value === "number");
  if (there.length === 0) return "";
  const last = there[there.length - 1] ?? 0;
  return t("chart.summary", { now: format(last), peak: format(Math.max(...there)) });
}

export function Chart({ title, times, series, format, steps = "counts" }: ChartProps) {
  const first = series[0];
  const some = series.some(({ values }) => values.some((value) => typeof value === "number"));
  return (
    <figure class="chart card">
      <figcaption>
        <strong>{title}</strong>
        <span>{first && summary(first.values, format)}</span>
      </figcaption>
      {some ? (
        <Plot times={times} series={series} format={format} steps={steps} />
      ) : (
        <div class="nothing">{t("chart.nothing")}</div>
      )}
      {some && series.length > 1 && (
        <ul class="keys">
          {series.map(({ name }, at) => (
            <li key={name}>
              <span class={`swatch key-${at + 1}`} />
              {name}
            </li>
          ))}
        </ul>
      )}
      {some && <Numbers times={times} series={series} format={format} title={title} />}
    </figure>
  );
}

/** A colour as a canvas takes it. The browser resolves theme and variable in an element that is new: no transition from
 *  another colour is on its way. */
function colour(element: HTMLElement, name: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  element.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

const COUNTS = [1, 2, 5]
  .flatMap((step) => Array.from({ length: 12 }, (_, power) => step * 10 ** power))
  .sort((a, b) => a - b);
const SIZES = Array.from({ length: 6 }, (_, power) =>
  [1, 2, 5, 10, 20, 50, 100, 200, 500].map((step) => step * 1024 ** power),
).flat();

function options(element: HTMLElement, { series, format, steps }: Omit<ChartProps, "title">): uPlot.Options {
  const faint = colour(element, "--faint");
  const grid = { stroke: colour(element, "--line"), width: 1 };
  const font = `12px ${getComputedStyle(element).fontFamily}`;
  return {
    width: element.clientWidth,
    height: 150,
    cursor: { y: false, points: { size: 6 } },
    legend: { show: false },
    padding: [8, 4, 0, 0],
    scales: { y: { range: (_plot, _min, max) => [0, max > 0 ? max * 1.1 : 1] } },
    axes: [
      {
        stroke: faint,
        font,
        grid: { show: false },
        ticks: { show: false },
        space: 70,
        size: 26,
        values: (_plot, splits) => splits.map((at) => timeOfDay(at * 1000)),
      },
      {
        stroke: faint,
        font,
        grid,
        ticks: { show: false },
        size: 74,
        space: 32,
        incrs: steps === "sizes" ? SIZES : COUNTS,
        values: (_plot, splits) => splits.map((value) => format(value)),
      },
    ],
    series: [
      {},
      ...series.map(({ name }, at) => ({
        label: name,
        stroke: colour(element, `--line-${at + 1}`),
        width: 1.75,
        spanGaps: false,
        points: { size: 4 },
        ...(at === 0 ? { fill: colour(element, "--area-1") } : {}),
      })),
    ],
  };
}

function Plot({ times, series, format, steps = "counts" }: Omit<ChartProps, "title">) {
  const root = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const data = [times, ...series.map(({ values }) => values.map((value) => value ?? null))] as uPlot.AlignedData;
  // The look is a part of the plot, so another look needs another plot; new numbers do not.
  const look = [theme.value, language.value, zone.value, series.map(({ name }) => name).join()].join("|");
  useEffect(() => {
    const element = root.current;
    if (!element) return;
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const draw = () => {
      plot.current?.destroy();
      plot.current = new uPlot(options(element, { times, series, format, steps }), data, element);
    };
    draw();
    const resized = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height: 150 }));
    resized.observe(element);
    dark.addEventListener("change", draw);
    return () => {
      resized.disconnect();
      dark.removeEventListener("change", draw);
      plot.current?.destroy();
      plot.current = null;
    };
  }, [look]);
  useEffect(() => plot.current?.setData(data), [times, series]);
  return <div class="plot" ref={root} aria-hidden="true" />;
}

const ROWS = 60;

function Numbers({ title, times, series, format }: ChartProps) {
  const from = Math.max(0, times.length - ROWS);
  return (
    <details>
      <summary>
        {t("chart.numbers")}
        <span class="hidden"> {title}</span>
      </summary>
      <div tabIndex={0} role="region" aria-label={title}>
        <table>
          <thead>
            <tr>
              <th>{t("chart.time")}</th>
              {series.map(({ name }) => (
                <th class="number" key={name}>
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {times
              .slice(from)
              .map((time, row) => (
                <tr key={time}>
                  <td>{dateTime(time * 1000)}</td>
                  {series.map(({ name, values }) => {
                    const value = values[from + row];
                    return (
                      <td class="number" key={name}>
                        {typeof value === "number" ? format(value) : "–"}
                      </td>
                    );
                  })}
                </tr>
              ))
              .reverse()}
          </tbody>
        </table>
      </div>
    </details>
  );
}
