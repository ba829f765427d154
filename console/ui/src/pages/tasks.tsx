// All tasks: what they do now, what failed, when they run.
import { useEffect, useState } from "preact/hooks";
import { useLocation } from "preact-iso/router";
import { withQuery } from "../address";
import { listTasks } from "../api/calls";
import { readPages } from "../api/pages";
import { useQuery } from "../api/query";
import { may } from "../api/session";
import type { TaskItem, TaskStatus } from "../api/types";
import { Button, LinkButton } from "../components/controls";
import { Icon } from "../components/icon";
import { Empty, ProblemPanel, Skeleton } from "../components/states";
import { count } from "../format";
import { Head } from "../frame";
import { t } from "../i18n";
import { Announce } from "../live/announce";
import { pollEvery, useStream } from "../live/stream";
import { BulkBar } from "./tasks/bulk";
import { TaskRow } from "./tasks/row";

const TABS: (TaskStatus | "all")[] = ["all", "running", "failed", "waiting", "paused", "deleting"];
const PAGE = 50;

export function TasksPage() {
  const { query, path, route } = useLocation();
  const status = TABS.includes(query["status"] as TaskStatus) ? (query["status"] as TaskStatus | "all") : "all";
  const search = query["search"] ?? "";
  const [pages, setPages] = useState(1);
  const [picked, setPicked] = useState<ReadonlySet<string>>(new Set());
  useEffect(() => {
    setPages(1);
    setPicked(new Set());
  }, [status, search]);
  const tasks = useQuery(`tasks ${status} ${search} ${pages}`, (signal) => read(status, search, pages, signal), {
    every: pollEvery(),
    keep: `tasks ${status} ${search}`,
  });
  const page = tasks.data;
  useStream({
    tasks: (page?.items ?? [])
      .filter(({ run }) => run)
      .slice(0, 20)
      .map(({ name }) => name),
    onEvent: (kind, data) => {
      if (kind !== "task") return;
      const fresh = data as TaskItem;
      tasks.change((page) => ({
        ...page,
        items: page.items.map((task) => (task.id === fresh.id ? { ...task, ...fresh } : task)),
      }));
    },
  });
  const counts = page?.counts;
  const nothing = counts?.all === 0 && !search;
  const say = counts ? t("tasks.announce", { running: counts.running, failed: counts.failed }) : "";
  return (
    <>
      <Head
        title={t("tasks.title")}
        actions={
          may("admin") &&
          !nothing && (
            <LinkButton href="/new" kind="primary" icon="plus">
              {t("tasks.new")}
            </LinkButton>
          )
        }
      />
      <Announce text={say} />
      {tasks.problem && tasks.problem.status !== 0 && <ProblemPanel problem={tasks.problem} onRetry={tasks.reload} />}
      {nothing && <FirstTask />}
      {!nothing && (page || !tasks.problem || tasks.problem.status === 0) && (
        <section class="card flush">
          <nav class="tabs" aria-label={t("tasks.by.status")}>
            {TABS.filter((tab) => tab !== "deleting" || counts?.deleting || status === tab).map((tab) => (
              <a
                key={tab}
                href={withQuery("/", query, { status: tab === "all" ? "" : tab })}
                aria-current={tab === status ? "page" : undefined}
              >
                {tab === "all" ? t("tasks.all") : t(`status.${tab}`)}
                <span class="tally">{counts ? count(counts[tab]) : "·"}</span>
              </a>
            ))}
          </nav>
          <div class="toolbar">
            <Search value={search} onSearch={(text) => route(withQuery(path, query, { search: text }), true)} />
            {picked.size > 0 && page && (
              <BulkBar
                tasks={page.items.filter(({ name }) => picked.has(name))}
                onDone={() => {
                  setPicked(new Set());
                  tasks.reload();
                }}
              />
            )}
          </div>
          <List tasks={page?.items} picked={picked} onPick={setPicked} />
          {page?.next && (
            <div class="pager">
              <Button busy={tasks.stale} onClick={() => setPages(pages + 1)}>
                {t("more")}
              </Button>
            </div>
          )}
        </section>
      )}
    </>
  );
}

function read(status: TaskStatus | "all", search: string, pages: number, signal: AbortSignal) {
  const query = { limit: PAGE, ...(status === "all" ? {} : { status }), ...(search ? { search } : {}) };
  return readPages((cursor) => listTasks({ ...query, ...(cursor ? { cursor } : {}) }, { signal }), pages);
}

function Search({ value, onSearch }: { value: string; onSearch: (text: string) => void }) {
  const [text, setText] = useState(value);
  useEffect(() => {
    if (text === value) return;
    const timer = setTimeout(() => onSearch(text.trim()), 300);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <div class="searching" role="search">
      <Icon name="search" />
      <input
        type="search"
        value={text}
        placeholder={t("tasks.search")}
        aria-label={t("tasks.search")}
        onInput={(event) => setText(event.currentTarget.value)}
      />
    </div>
  );
}

function List({
  tasks,
  picked,
  onPick,
}: {
  tasks: TaskItem[] | undefined;
  picked: ReadonlySet<string>;
  onPick: (picked: ReadonlySet<string>) => void;
}) {
  if (!tasks) return <Skeleton lines={5} block />;
  if (tasks.length === 0) return <Empty icon="tasks" title={t("tasks.none.found")} />;
  const pick = (name: string, on: boolean) => {
    const next = new Set(picked);
    if (on) next.add(name);
    else next.delete(name);
    onPick(next);
  };
  const all = tasks.every(({ name }) => picked.has(name));
  const picking = may("operator");
  return (
    <table class="folding tasks">
      <thead>
        <tr>
          {picking && (
            <th class="pick">
              <input
                type="checkbox"
                aria-label={t("tasks.pick.all")}
                checked={all}
                onInput={() => onPick(new Set(all ? [] : tasks.map(({ name }) => name)))}
              />
            </th>
          )}
          <th class="col-task">{t("col.task")}</th>
          <th class="col-state">{t("col.state")}</th>
          <th class="col-progress">{t("col.progress")}</th>
          <th class="col-time">{t("col.last.run")}</th>
          <th class="col-time">{t("col.next.run")}</th>
        </tr>
      </thead>
      <tbody>
        {tasks.map((task) => (
          <TaskRow
            key={task.id}
            task={task}
            picked={picking ? picked.has(task.name) : undefined}
            onPick={(on) => pick(task.name, on)}
          />
        ))}
      </tbody>
    </table>
  );
}

function FirstTask() {
  return (
    <section class="card">
      <Empty icon="tasks" title={t("tasks.none")}>
        <p>{t("tasks.none.about")}</p>
        {may("admin") && (
          <LinkButton href="/new" kind="primary" icon="plus">
            {t("tasks.first")}
          </LinkButton>
        )}
      </Empty>
    </section>
  );
}
