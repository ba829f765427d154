// Why a run refused to delete, or stopped otherwise, and a run in which as many deletes are allowed.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { may } from "../../api/session";
import { Button } from "../../components/controls";
import { Reason } from "../../components/reason";
import { t } from "../../i18n";
import { refused } from "../../why";
import { RunDialog } from "./run-options";

/** `task`: absent where no run can begin. */
export function StopReason({
  error,
  task,
  title,
  children,
}: {
  error: string;
  task?: string | undefined;
  title?: string;
  children?: ComponentChildren;
}) {
  const [asked, setAsked] = useState(false);
  const deletes = refused(error)?.deletes;
  return (
    <Reason error={error} {...(title ? { title } : {})}>
      {task && deletes && may("admin") && (
        <Button small icon="play" onClick={() => setAsked(true)}>
          {t("why.allow", { n: deletes })}
        </Button>
      )}
      {asked && task && deletes && <RunDialog task={{ name: task }} allow={deletes} onClose={() => setAsked(false)} />}
      {children}
    </Reason>
  );
}
