// New, edit, clone: a definition by a form, or as the text of a file.
import { useEffect, useState } from "preact/hooks";
import { useRoute } from "preact-iso/router";
import { taskHref } from "../address";
import { getDefinition } from "../api/calls";
import { useQuery } from "../api/query";
import { may } from "../api/session";
import type { Definition } from "../api/types";
import { Empty, ProblemPanel, Skeleton } from "../components/states";
import { Head } from "../frame";
import { t } from "../i18n";
import { Wizard } from "./form/wizard";

const KEPT = "flotilla.draft";

/** A draft of a new task outlives a reload of the page, in this tab alone. */
function keptDraft(): Definition {
  try {
    return JSON.parse(sessionStorage.getItem(KEPT) ?? "{}") as Definition;
  } catch {
    return {};
  }
}

function keepDraft(draft: Definition | null): void {
  try {
    if (draft) sessionStorage.setItem(KEPT, JSON.stringify(draft));
    else sessionStorage.removeItem(KEPT);
  } catch {
    // Without storage a reload begins anew.
  }
}

export function NewPage() {
  const [draft] = useState(keptDraft);
  useEffect(() => () => undefined, []);
  return (
    <Guard title={t("tasks.new")} above={{ href: "/", label: t("tasks.title") }}>
      <Wizard first={draft} onDraft={keepDraft} />
    </Guard>
  );
}

export function EditPage() {
  const name = useRoute().params["task"] ?? "";
  return <Existing name={name} title={t("form.edit", { name })} edit />;
}

export function ClonePage() {
  const name = useRoute().params["task"] ?? "";
  return <Existing name={name} title={t("form.clone", { name })} />;
}

function Existing({ name, title, edit }: { name: string; title: string; edit?: boolean }) {
  const { data, problem, reload } = useQuery(`definition for ${title}`, () => getDefinition(name));
  const above = { href: taskHref(name), label: name };
  if (!data) {
    return (
      <Guard title={title} above={above}>
        {problem ? (
          <ProblemPanel problem={problem} onRetry={reload} />
        ) : (
          <div class="card">
            <Skeleton lines={8} />
          </div>
        )}
      </Guard>
    );
  }
  if (!data.definition) {
    return (
      <Guard title={title} above={above}>
        <section class="card">
          <Empty icon="edit" title={t("form.newer")} />
        </section>
      </Guard>
    );
  }
  const definition = data.definition as Definition;
  const first = edit ? definition : { ...definition, task: "" };
  return (
    <Guard title={title} above={above}>
      <Wizard first={first} {...(edit ? { editing: { task: name, etag: data.etag } } : {})} onDraft={() => {}} />
    </Guard>
  );
}

function Guard({
  title,
  above,
  children,
}: {
  title: string;
  above: { href: string; label: string };
  children: preact.ComponentChildren;
}) {
  return (
    <>
      <Head title={title} above={above} />
      {may("admin") ? (
        children
      ) : (
        <section class="card">
          <Empty icon="credentials" title={t("form.role")}>
            <p>{t("form.role.about")}</p>
          </Empty>
        </section>
      )}
    </>
  );
}
