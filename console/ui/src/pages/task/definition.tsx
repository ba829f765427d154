// The definition of a task, as a file has it.
import { getDefinition } from "../../api/calls";
import { useQuery } from "../../api/query";
import { editHref } from "../../address";
import { may } from "../../api/session";
import type { Task } from "../../api/types";
import { LinkButton } from "../../components/controls";
import { Toml } from "../../components/toml";
import { ProblemPanel, Skeleton } from "../../components/states";
import { t } from "../../i18n";

export function DefinitionTab({ task }: { task: Task }) {
  const definition = useQuery(`definition ${task.name} ${task.version}`, () => getDefinition(task.name), {
    keep: `definition ${task.name}`,
  });
  if (!definition.data) {
    return definition.problem && definition.problem.status !== 0 ? (
      <ProblemPanel problem={definition.problem} onRetry={definition.reload} />
    ) : (
      <div class="card">
        <Skeleton lines={8} />
      </div>
    );
  }
  return (
    <section class="card">
      <div class="card-head">
        <h2>{t("definition.title", { version: definition.data.version })}</h2>
        {may("admin") && task.state !== "deleting" && (
          <LinkButton small icon="edit" href={editHref(task.name)}>
            {t("task.edit")}
          </LinkButton>
        )}
      </div>
      <Toml text={definition.data.toml} name={`${task.name}.toml`} />
    </section>
  );
}
