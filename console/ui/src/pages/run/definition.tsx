// The definition that a run keeps, read when it is opened.
import { useState } from "preact/hooks";
import { getRunDefinition } from "../../api/calls";
import { useQuery } from "../../api/query";
import type { Run } from "../../api/types";
import { ProblemPanel, Skeleton } from "../../components/states";
import { Toml } from "../../components/toml";
import { t } from "../../i18n";

export function RunDefinition({ run }: { run: Run }) {
  const [open, setOpen] = useState(false);
  const definition = useQuery(`run-definition ${run.id}`, () => getRunDefinition(run.id), { when: open });
  return (
    <details class="card" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <h2>{t("run.definition")}</h2>
      </summary>
      {definition.data ? (
        <Toml text={definition.data.toml} name={`${run.task ?? "task"}-${run.version ?? ""}.toml`} />
      ) : definition.problem ? (
        <ProblemPanel problem={definition.problem} onRetry={definition.reload} />
      ) : (
        open && <Skeleton lines={6} />
      )}
    </details>
  );
}
