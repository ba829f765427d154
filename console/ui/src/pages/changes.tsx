// Who changed which task: the changes of all tasks, the newest first.
import { useEffect, useState } from "preact/hooks";
import { useLocation } from "preact-iso/router";
import { withQuery } from "../address";
import { listChanges, listTasks } from "../api/calls";
import { readPages } from "../api/pages";
import { useQuery } from "../api/query";
import { ChangesTable } from "../components/changes";
import { Button } from "../components/controls";
import { TextField } from "../components/field";
import { Empty, ProblemPanel, Skeleton } from "../components/states";
import { Head } from "../frame";
import { t } from "../i18n";

/** Changes of one person are looked for by so many requests before the page asks whether to go on. */
const LOOKED_THROUGH = 10;

export function ChangesPage() {
  const { query, path, route } = useLocation();
  const task = query["task"] ?? "";
  const who = query["who"] ?? "";
  const [pages, setPages] = useState(1);
  useEffect(() => setPages(1), [task, who]);
  const names = useQuery("task names", (signal) => listTasks({ limit: 200 }, { signal }));
  const changes = useQuery(
    `changes of all ${task} ${who} ${pages}`,
    (signal) => readPages((cursor) => listChanges({ task, who, cursor }, { signal }), pages, who ? LOOKED_THROUGH : 0),
    { every: 15, keep: `changes of all ${task} ${who}` },
  );
  const { data, problem } = changes;
  // Both fields filter a moment later: each changes the address as it is then.
  const filter = (values: Record<string, string>) =>
    route(withQuery(path, Object.fromEntries(new URLSearchParams(location.search)), values), true);
  return (
    <>
      <Head title={t("nav.changes")}>
        <p class="faint">{t("changes.about")}</p>
      </Head>
      <div class="stack">
        <div class="card halves" role="search">
          <Filter
            label={t("col.task")}
            value={task}
            list={names.data?.items.map(({ name }) => name) ?? []}
            onFilter={(task) => filter({ task })}
          />
          <Filter label={t("changes.who")} value={who} list={[]} onFilter={(who) => filter({ who })} />
        </div>
        {problem && problem.status !== 0 && <ProblemPanel problem={problem} onRetry={changes.reload} />}
        {!data && !problem && (
          <div class="card">
            <Skeleton lines={6} block />
          </div>
        )}
        {data && (
          <section class="card flush">
            {data.items.length > 0 ? (
              <ChangesTable changes={data.items} ofAll />
            ) : (
              <Empty icon="edit" title={t("changes.none")} />
            )}
            {data.next && (
              <div class="pager">
                <Button busy={changes.stale} onClick={() => setPages(pages + LOOKED_THROUGH)}>
                  {t("more")}
                </Button>
              </div>
            )}
          </section>
        )}
      </div>
    </>
  );
}

/** A field that filters shortly after the last key. */
function Filter({
  label,
  value,
  list,
  onFilter,
}: {
  label: string;
  value: string;
  list: string[];
  onFilter: (text: string) => void;
}) {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  useEffect(() => {
    if (text.trim() === value) return;
    const timer = setTimeout(() => onFilter(text.trim()), 400);
    return () => clearTimeout(timer);
  }, [text]);
  return <TextField label={label} value={text} list={list} optional={t("optional")} onInput={setText} />;
}
