// Workers, what each does, and the group of machines.
import { taskHref } from "../address";
import { listWorkers } from "../api/calls";
import { useQuery } from "../api/query";
import type { Worker, Workers } from "../api/types";
import { Badge } from "../components/badge";
import { Copyable, Time } from "../components/controls";
import { Stat } from "../components/progress";
import { Quote } from "../components/raw";
import { Empty, Notice, ProblemPanel, Skeleton } from "../components/states";
import { count } from "../format";
import { Head } from "../frame";
import { t } from "../i18n";
import { visible } from "../visible";
import { why } from "../why";

const TONES = { working: "good", draining: "warn", outdated: "bad", silent: "bad" } as const;

export function MachinesPage() {
  const { data, problem, reload } = useQuery("workers", (signal) => listWorkers({ signal }), { every: 5 });
  return (
    <>
      <Head title={t("nav.machines")}>
        <p class="faint">{t("machines.about")}</p>
      </Head>
      <div class="stack">
        {problem && problem.status !== 0 && <ProblemPanel problem={problem} onRetry={reload} />}
        {!data && !problem && (
          <div class="card">
            <Skeleton lines={4} block />
          </div>
        )}
        {data?.group_error && (
          <Notice tone="warn" title={t("machines.group.unknown")}>
            <Quote text={data.group_error} />
          </Notice>
        )}
        {data?.group && <GroupCard group={data.group} />}
        {data &&
          (data.items.length === 0 ? (
            <section class="card">
              <Empty icon="machines" title={t("machines.none")}>
                <p>{t("machines.none.about")}</p>
              </Empty>
            </section>
          ) : (
            <WorkersTable workers={data.items} />
          ))}
      </div>
    </>
  );
}

function GroupCard({ group }: { group: NonNullable<Workers["group"]> }) {
  const part = (machines: number) => `${(machines / Math.max(group.max, 1)) * 100}%`;
  return (
    <section class="card stack tight">
      <h2>
        {t("machines.group")} <span class="mono faint">{group.name}</span>
      </h2>
      <div
        class="gauge"
        role="img"
        aria-label={t("machines.gauge", {
          service: group.in_service,
          wanted: group.wanted,
          max: group.max,
        })}
      >
        <span class="gauge-fill" style={{ width: part(group.in_service) }} />
        <span class="gauge-mark" style={{ left: part(group.wanted) }} />
      </div>
      <dl class="stats">
        <Stat name={t("chart.machines.service")} value={count(group.in_service)} />
        <Stat name={t("chart.machines.wanted")} value={count(group.wanted)} />
        <Stat name={t("machines.least")} value={count(group.min)} />
        <Stat name={t("machines.most")} value={count(group.max)} />
      </dl>
    </section>
  );
}

function WorkersTable({ workers }: { workers: Worker[] }) {
  return (
    <section class="card flush">
      <table class="folding">
        <thead>
          <tr>
            <th>{t("machines.worker")}</th>
            <th>{t("col.state")}</th>
            <th class="number">{t("machines.jobs")}</th>
            <th>{t("machines.works.on")}</th>
            <th>{t("machines.version")}</th>
            <th>{t("machines.seen")}</th>
          </tr>
        </thead>
        <tbody>
          {workers.map((worker) => (
            <Row key={worker.worker} worker={worker} />
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Row({ worker }: { worker: Worker }) {
  const { worker: name, machine, state, jobs, tasks, errors, version, seen } = worker;
  return (
    <tr>
      <td class="lead">
        <Copyable text={name} />
        {machine && machine !== name && <span class="under mono">{machine}</span>}
      </td>
      <td data-label={t("col.state")}>
        {state === "working" && jobs === 0 ? (
          <Badge tone="calm">{t("worker.ready")}</Badge>
        ) : (
          <Badge tone={TONES[state]}>{t(`worker.${state}`)}</Badge>
        )}
      </td>
      <td class="number" data-label={t("machines.jobs")}>
        {count(jobs)}
      </td>
      <td class={`wide${tasks.length + errors.length ? "" : " nothing"}`} data-label={t("machines.works.on")}>
        {tasks.slice(0, 5).map(({ task, jobs }) => (
          <div key={task}>
            <a href={taskHref(task)}>{task}</a> <span class="faint">{t("jobs", { n: jobs })}</span>
          </div>
        ))}
        {tasks.length > 5 && <span class="faint">{t("and.more", { n: tasks.length - 5 })}</span>}
        {tasks.length === 0 && errors.length === 0 && <span class="faint">{t("machines.idle")}</span>}
        {errors.slice(0, 3).map(({ task, error }) => (
          <div key={task} class="bad-text">
            <a href={taskHref(task)}>{task}</a>:{" "}
            <span class="clamp" title={visible(error)}>
              {visible(why(error))}
            </span>
          </div>
        ))}
      </td>
      <td class="mono" data-label={t("machines.version")}>
        {version}
      </td>
      <td class="fit" data-label={t("machines.seen")}>
        <Time at={seen} />
      </td>
    </tr>
  );
}
