// What can be done with a task.
import { useState } from "preact/hooks";
import { useLocation } from "preact-iso/router";
import { cloneHref, editHref, runHref } from "../../address";
import { beginRun, cancelRun, pauseTask, resumeTask } from "../../api/calls";
import { inShort, problemOf } from "../../api/problem";
import { may } from "../../api/session";
import type { Task } from "../../api/types";
import { isLive } from "../../components/badge";
import { Button, Menu } from "../../components/controls";
import { Dialog } from "../../components/dialog";
import { toast } from "../../components/toast";
import { t } from "../../i18n";
import { DeleteDialog } from "./delete";
import { LimitsDialog } from "./limits";
import { PlanDialog } from "./plan";
import { RunDialog } from "./run-options";
import { VerifyDialog } from "./verify";

type Asked = "run" | "cancel" | "limits" | "delete" | "plan" | "verify" | null;

export function TaskActions({ task, onDone }: { task: Task; onDone: () => void }) {
  const [asked, setAsked] = useState<Asked>(null);
  const [busy, setBusy] = useState("");
  const { route } = useLocation();
  const { name, run, state } = task;
  const act = async (verb: string, call: () => Promise<unknown>, done: string) => {
    setBusy(verb);
    try {
      await call();
      toast(done);
      onDone();
    } catch (error) {
      const problem = problemOf(error);
      toast(inShort(problem), "bad");
    }
    setBusy("");
  };
  const start = () => act("run", async () => route(runHref((await beginRun(name)).run)), t("bulk.run.done", { n: 1 }));
  if (!may("operator") || state === "deleting") return null;
  return (
    <>
      {run && isLive(run.state) ? (
        <Button icon="stop" onClick={() => setAsked("cancel")}>
          {t("task.cancel")}
        </Button>
      ) : (
        <Button
          icon="play"
          kind="primary"
          busy={busy === "run"}
          // A run whose end is not recorded yet still counts as live.
          disabled={state !== "active" || Boolean(run)}
          onClick={start}
        >
          {t("task.run")}
        </Button>
      )}
      {state === "paused" ? (
        <Button
          icon="play"
          busy={busy === "resume"}
          onClick={() => act("resume", () => resumeTask(name), t("bulk.resume.done", { n: 1 }))}
        >
          {t("bulk.resume")}
        </Button>
      ) : (
        <Button
          icon="pause"
          busy={busy === "pause"}
          onClick={() => act("pause", () => pauseTask(name), t("bulk.pause.done", { n: 1 }))}
        >
          {t("bulk.pause")}
        </Button>
      )}
      <Menu
        label={t("task.more")}
        items={[
          { label: t("task.run.options"), icon: "play", onClick: () => setAsked("run") },
          { label: t("task.plan"), icon: "search", onClick: () => setAsked("plan") },
          { label: t("task.verify"), icon: "check", onClick: () => setAsked("verify") },
          { label: t("task.limits"), icon: "settings", onClick: () => setAsked("limits") },
          ...(may("admin")
            ? [
                { label: t("task.edit"), icon: "edit" as const, href: editHref(name) },
                { label: t("task.clone"), icon: "copy" as const, href: cloneHref(name) },
                { label: t("task.delete"), icon: "trash" as const, danger: true, onClick: () => setAsked("delete") },
              ]
            : []),
        ]}
      />
      <Asking asked={asked} task={task} onDone={onDone} onClose={() => setAsked(null)} />
    </>
  );
}

function Asking({
  asked,
  task,
  onDone,
  onClose,
}: {
  asked: Asked;
  task: Task;
  onDone: () => void;
  onClose: () => void;
}) {
  if (asked === "run") return <RunDialog task={task} onClose={onClose} />;
  if (asked === "plan") return <PlanDialog task={task} onClose={onClose} />;
  if (asked === "limits") return <LimitsDialog task={task} onDone={onDone} onClose={onClose} />;
  if (asked === "delete") return <DeleteDialog task={task} onClose={onClose} />;
  if (asked === "verify") return <VerifyDialog task={task} onDone={onDone} onClose={onClose} />;
  if (asked === "cancel" && task.run) {
    const { id } = task.run;
    return <CancelDialog run={id} onDone={onDone} onClose={onClose} />;
  }
  return null;
}

export function CancelDialog({ run, onDone, onClose }: { run: string; onDone: () => void; onClose: () => void }) {
  const cancel = async () => {
    await cancelRun(run);
    toast(t("bulk.cancel.done", { n: 1 }));
    onDone();
  };
  return (
    <Dialog
      title={t("cancel.title")}
      confirm={t("cancel.confirm")}
      keep={t("cancel.keep")}
      danger
      onConfirm={cancel}
      onClose={onClose}
    >
      <p>{t("cancel.about")}</p>
    </Dialog>
  );
}
