// The queues of a task: messages, events so far, dead letters.
import { useState } from "preact/hooks";
import { listDeadLetters, purge, redrive } from "../../api/calls";
import { useQuery } from "../../api/query";
import { may } from "../../api/session";
import type { DeadLetter, Task } from "../../api/types";
import { Button, Copyable } from "../../components/controls";
import { Dialog } from "../../components/dialog";
import { Bar, Legend, Stat } from "../../components/progress";
import { Quote, Raw } from "../../components/raw";
import { Empty, ProblemPanel, Skeleton } from "../../components/states";
import { toast } from "../../components/toast";
import { count } from "../../format";
import { t } from "../../i18n";

export function QueuesTab({ task, onChange }: { task: Task; onChange: () => void }) {
  const { queues, event_run: events } = task;
  return (
    <>
      {queues && (
        <section class="card">
          <h2>{t("queues.title")}</h2>
          <dl class="stats">
            <Stat name={t("queue.ready")} value={count(queues.ready)} more={t("queue.ready.about")} />
            <Stat name={t("queue.leased")} value={count(queues.leased)} more={t("queue.leased.about")} />
            <Stat name={t("queue.delayed")} value={count(queues.delayed)} more={t("queue.delayed.about")} />
            <Stat
              name={t("queue.dead")}
              value={count(queues.dead)}
              bad={queues.dead > 0}
              more={t("queue.dead.about")}
            />
          </dl>
        </section>
      )}
      {(task.events || events) && (
        <section class="card">
          <h2>{t("events.title")}</h2>
          {events ? (
            <div>
              <Bar progress={events} />
              <Legend progress={events} />
            </div>
          ) : (
            <p class="faint">{t("events.none")}</p>
          )}
        </section>
      )}
      <DeadLetters task={task} onChange={onChange} />
    </>
  );
}

function DeadLetters({ task, onChange }: { task: Task; onChange: () => void }) {
  const [asked, setAsked] = useState<"redrive" | "purge" | null>(null);
  const dead = task.queues?.dead ?? 0;
  const letters = useQuery(`dead ${task.name} ${dead}`, (signal) => listDeadLetters(task.name, { signal }), {
    when: dead > 0,
    keep: `dead ${task.name}`,
  });
  const after = () => {
    onChange();
    letters.reload();
  };
  return (
    <section class="card flush">
      <div class="card-head">
        <h2>{t("dead.title")}</h2>
        {dead > 0 && (
          <div class="row">
            {may("operator") && (
              <Button small icon="retry" onClick={() => setAsked("redrive")}>
                {t("dead.redrive")}
              </Button>
            )}
            {may("admin") && (
              <Button small kind="danger" icon="trash" onClick={() => setAsked("purge")}>
                {t("dead.purge")}
              </Button>
            )}
          </div>
        )}
      </div>
      {dead === 0 && (
        <Empty icon="check" title={t("dead.none")}>
          <p>{t("dead.about")}</p>
        </Empty>
      )}
      {letters.problem && letters.problem.status !== 0 && (
        <ProblemPanel problem={letters.problem} onRetry={letters.reload} />
      )}
      {dead > 0 && !letters.data && !letters.problem && <Skeleton lines={3} block />}
      {letters.data && dead > 0 && (
        <ul class="letters">
          {letters.data.items.map((letter) => (
            <Letter key={letter.id} letter={letter} />
          ))}
        </ul>
      )}
      {asked && <MoveDialog verb={asked} task={task.name} dead={dead} onDone={after} onClose={() => setAsked(null)} />}
    </section>
  );
}

function MoveDialog({
  verb,
  task,
  dead,
  onDone,
  onClose,
}: {
  verb: "redrive" | "purge";
  task: string;
  dead: number;
  onDone: () => void;
  onClose: () => void;
}) {
  // A call moves some of them. The page goes on until as many are moved as were asked for: one that dies at once would
  // be sent round and round.
  const move = async () => {
    let moved = 0;
    for (let turn = 0; turn < 100 && moved < dead; turn += 1) {
      const now = (await (verb === "redrive" ? redrive : purge)(task)).moved;
      if (now === 0) break;
      moved += now;
    }
    toast(t(`dead.${verb}.done`, { n: moved }));
    onDone();
  };
  return (
    <Dialog
      title={t(`dead.${verb}.title`, { n: dead })}
      confirm={t(`dead.${verb}`)}
      danger={verb === "purge"}
      onConfirm={move}
      onClose={onClose}
    >
      <p>{t(`dead.${verb}.about`)}</p>
    </Dialog>
  );
}

function Letter({ letter }: { letter: DeadLetter }) {
  const { id, what, reason, deliveries, objects, body } = letter;
  return (
    <li>
      <div class="row">
        <strong>{what ? <Raw text={what} /> : t("dead.unreadable")}</strong>
        {objects ? <span class="faint">{t("objects.count", { n: objects })}</span> : null}
        <span class="faint">{t("dead.deliveries", { n: deliveries })}</span>
        <span class="push faint">
          <Copyable text={id} shown={id.slice(0, 13)} />
        </span>
      </div>
      {reason && <Quote text={reason} />}
      <details>
        <summary>{t("dead.body")}</summary>
        <pre class="code" tabIndex={0}>
          <Raw text={body} />
        </pre>
      </details>
    </li>
  );
}
