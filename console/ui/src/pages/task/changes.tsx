// Who changed a task.
import { useState } from "preact/hooks";
import { listChanges } from "../../api/calls";
import { readPages } from "../../api/pages";
import { useQuery } from "../../api/query";
import type { Task } from "../../api/types";
import { ChangesTable } from "../../components/changes";
import { Button } from "../../components/controls";
import { Empty, ProblemPanel, Skeleton } from "../../components/states";
import { t } from "../../i18n";

export function ChangesTab({ task }: { task: Task }) {
  const [pages, setPages] = useState(1);
  const changes = useQuery(
    `changes ${task.name} ${task.version} ${pages}`,
    (signal) => readPages((cursor) => listChanges({ task: task.name, cursor }, { signal }), pages),
    { keep: `changes ${task.name}` },
  );
  const { data, problem } = changes;
  if (!data) {
    return problem && problem.status !== 0 ? (
      <ProblemPanel problem={problem} onRetry={changes.reload} />
    ) : (
      <div class="card">
        <Skeleton lines={6} />
      </div>
    );
  }
  if (data.items.length === 0)
    return (
      <section class="card">
        <Empty icon="edit" title={t("changes.none")} />
      </section>
    );
  return (
    <section class="card flush">
      <ChangesTable changes={data.items} />
      {data.next && (
        <div class="pager">
          <Button busy={changes.stale} onClick={() => setPages(pages + 1)}>
            {t("more")}
          </Button>
        </div>
      )}
    </section>
  );
}
