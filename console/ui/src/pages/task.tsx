// A task: what it does now, how it went, what it is.
import { useLocation, useRoute } from "preact-iso/router";
import { taskHref } from "../address";
import { getTask } from "../api/calls";
import { useQuery } from "../api/query";
import type { Task } from "../api/types";
import { TaskBadge } from "../components/badge";
import { Route } from "../components/controls";
import { Raw } from "../components/raw";
import { brief } from "../components/progress";
import { Empty, ProblemPanel, Skeleton } from "../components/states";
import { Head } from "../frame";
import { type Key, t } from "../i18n";
import { Announce } from "../live/announce";
import { pollEvery, useStream } from "../live/stream";
import { TaskActions } from "./task/actions";
import { ChangesTab } from "./task/changes";
import { DefinitionTab } from "./task/definition";
import { NoticesTab } from "./task/notices";
import { Overview } from "./task/overview";
import { QueuesTab } from "./task/queues";
import { RunsTab } from "./task/runs";
import { Warnings } from "./task/warnings";

const TABS = ["overview", "runs", "queues", "notices", "definition", "changes"] as const;

export function TaskPage() {
  const name = useRoute().params["task"] ?? "";
  const { query } = useLocation();
  const tab = TABS.find((tab) => tab === query["tab"]) ?? "overview";
  const task = useQuery(`task ${name}`, (signal) => getTask(name, { signal }), { every: pollEvery() });
  useStream({
    tasks: [name],
    onEvent: (kind, data) => {
      if (kind === "task") task.change((task) => ({ ...task, ...(data as Partial<Task>) }));
    },
  });
  if (!task.data) {
    if (task.problem?.status === 404) return <Gone name={name} />;
    return (
      <>
        <Head title={name} above={{ href: "/", label: t("tasks.title") }} />
        {task.problem && task.problem.status !== 0 ? (
          <ProblemPanel problem={task.problem} onRetry={task.reload} />
        ) : (
          <div class="card">
            <Skeleton lines={6} />
          </div>
        )}
      </>
    );
  }
  const { data, reload } = task;
  return (
    <>
      <Head
        title={data.name}
        above={{ href: "/", label: t("tasks.title") }}
        actions={<TaskActions task={data} onDone={reload} />}
      >
        <div class="title-line">
          <TaskBadge task={data} />
          <Route from={data.source} to={data.destination} />
        </div>
        {data.description && (
          <p class="faint">
            <Raw text={data.description} />
          </p>
        )}
      </Head>
      <Announce text={data.run ? brief(data.run) : t(`status.${data.status}`)} />
      <div class="stack">
        <Warnings task={data} />
        <nav class="tabs" aria-label={t("task.parts")}>
          {TABS.map((one) => (
            <a
              key={one}
              href={taskHref(name, one === "overview" ? "" : one)}
              aria-current={one === tab ? "page" : undefined}
            >
              {t(`task.${one}` as Key)}
              {one === "queues" && data.queues && data.queues.dead > 0 && <span class="tally">{data.queues.dead}</span>}
            </a>
          ))}
        </nav>
        <Tab tab={tab} task={data} onChange={reload} />
      </div>
    </>
  );
}

function Tab({ tab, task, onChange }: { tab: (typeof TABS)[number]; task: Task; onChange: () => void }) {
  if (tab === "runs") return <RunsTab task={task} />;
  if (tab === "queues") return <QueuesTab task={task} onChange={onChange} />;
  if (tab === "notices") return <NoticesTab task={task} />;
  if (tab === "definition") return <DefinitionTab task={task} />;
  if (tab === "changes") return <ChangesTab task={task} />;
  return <Overview task={task} />;
}

function Gone({ name }: { name: string }) {
  return (
    <>
      <Head title={name} above={{ href: "/", label: t("tasks.title") }} />
      <section class="card">
        <Empty icon="search" title={t("task.gone")}>
          <p>{t("task.gone.about")}</p>
        </Empty>
      </section>
    </>
  );
}
