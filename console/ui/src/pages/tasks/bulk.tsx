// What can be done with several tasks at once.
import { useState } from "preact/hooks";
import { beginRun, cancelRun, pauseTask, resumeTask } from "../../api/calls";
import { inShort, problemOf } from "../../api/problem";
import type { TaskItem } from "../../api/types";
import { Button } from "../../components/controls";
import { Dialog } from "../../components/dialog";
import type { IconName } from "../../components/icon";
import { toast } from "../../components/toast";
import { t } from "../../i18n";

type Verb = "run" | "pause" | "resume" | "cancel";

const VERBS: {
  verb: Verb;
  icon: IconName;
  fits: (task: TaskItem) => boolean;
  act: (task: TaskItem) => Promise<unknown>;
}[] = [
  {
    verb: "run",
    icon: "play",
    fits: (task) => task.state === "active" && !task.run,
    act: ({ name }) => beginRun(name),
  },
  { verb: "pause", icon: "pause", fits: (task) => task.state === "active", act: ({ name }) => pauseTask(name) },
  { verb: "resume", icon: "play", fits: (task) => task.state === "paused", act: ({ name }) => resumeTask(name) },
  { verb: "cancel", icon: "stop", fits: (task) => Boolean(task.run), act: ({ run }) => cancelRun(run?.id ?? "") },
];

export function BulkBar({ tasks, onDone }: { tasks: TaskItem[]; onDone: () => void }) {
  const [asked, setAsked] = useState<Verb | null>(null);
  const [busy, setBusy] = useState<Verb | null>(null);
  const act = async (verb: Verb) => {
    const found = VERBS.find((one) => one.verb === verb);
    if (!found) return;
    setBusy(verb);
    let done = 0;
    // One after the other: fifty at once would only be throttled.
    for (const task of tasks.filter(found.fits)) {
      try {
        await found.act(task);
        done += 1;
      } catch (error) {
        const problem = problemOf(error);
        toast(`${task.name}: ${inShort(problem)}`, "bad");
      }
    }
    if (done > 0) toast(t(`bulk.${verb}.done`, { n: done }));
    setBusy(null);
    onDone();
  };
  return (
    <div class="row bulk">
      <span class="faint">{t("bulk.picked", { n: tasks.length })}</span>
      {VERBS.map(({ verb, icon, fits }) => {
        const some = tasks.some(fits);
        return (
          some && (
            <Button
              key={verb}
              small
              icon={icon}
              busy={busy === verb}
              disabled={busy !== null}
              onClick={() => (verb === "cancel" ? setAsked(verb) : void act(verb))}
            >
              {t(`bulk.${verb}`)}
            </Button>
          )
        );
      })}
      {asked && (
        <Dialog
          title={t("cancel.title.many", { n: tasks.filter(({ run }) => run).length })}
          confirm={t("cancel.confirm")}
          danger
          onConfirm={() => act(asked)}
          onClose={() => setAsked(null)}
        >
          <p>{t("cancel.about")}</p>
        </Dialog>
      )}
    </div>
  );
}
