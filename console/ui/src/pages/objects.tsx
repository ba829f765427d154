// The last outcome of one object, with the proof of its integrity.
import { useEffect, useState } from "preact/hooks";
import { useLocation } from "preact-iso/router";
import { objectsHref, taskHref } from "../address";
import { getObject, listTasks } from "../api/calls";
import { useQuery } from "../api/query";
import type { Outcome } from "../api/types";
import { Badge } from "../components/badge";
import { Button, Copyable, Time } from "../components/controls";
import { TextField } from "../components/field";
import { Raw } from "../components/raw";
import { Reason } from "../components/reason";
import { Empty, Notice, ProblemPanel, Skeleton } from "../components/states";
import { bytes, count } from "../format";
import { Head } from "../frame";
import { t, word } from "../i18n";

export function ObjectsPage() {
  const { query, route } = useLocation();
  const asked = { task: query["task"] ?? "", key: query["key"] ?? "" };
  const [task, setTask] = useState(asked.task);
  const [key, setKey] = useState(asked.key);
  useEffect(() => {
    setTask(asked.task);
    setKey(asked.key);
  }, [asked.task, asked.key]);
  const tasks = useQuery("task names", (signal) => listTasks({ limit: 200 }, { signal }));
  const [elsewhere, setElsewhere] = useState(false);
  const names = tasks.data?.items.map(({ name }) => name) ?? [];
  const object = useQuery(`object ${asked.task} ${asked.key}`, () => getObject(asked.task, asked.key), {
    when: Boolean(asked.task && asked.key),
  });
  const submit = (event: Event) => {
    event.preventDefault();
    if (!task || !key) return;
    const found = tasks.data?.items.find(({ name }) => name === task.trim());
    const relative = found ? inside(key.trim(), [found.source, found.destination]) : undefined;
    const foreign = relative === undefined && /^[a-z0-9]+:\/\//.test(key.trim());
    setElsewhere(foreign);
    if (!foreign) route(objectsHref(task.trim(), relative ?? key));
  };
  return (
    <>
      <Head title={t("nav.objects")}>
        <p class="faint">{t("objects.about")}</p>
      </Head>
      <div class="stack">
        <form class="card find" onSubmit={submit}>
          <TextField label={t("col.task")} value={task} onInput={setTask} list={names} required />
          <TextField
            label={t("objects.key")}
            value={key}
            onInput={setKey}
            mono
            required
            placeholder="2026/11/photo.jpg"
          />
          <Button type="submit" kind="primary" icon="search" disabled={!task || !key}>
            {t("objects.find")}
          </Button>
        </form>
        {elsewhere && (
          <Notice tone="warn" title={t("objects.elsewhere")}>
            <p>{t("objects.elsewhere.about")}</p>
          </Notice>
        )}
        {asked.key && !object.data && !object.problem && (
          <div class="card">
            <Skeleton lines={5} />
          </div>
        )}
        {object.problem?.status === 404 && (
          <section class="card">
            <Empty icon="objects" title={t("objects.unknown")}>
              <p>{t("objects.unknown.about")}</p>
              <p>{t("objects.unknown.maybe")}</p>
            </Empty>
          </section>
        )}
        {object.problem && ![0, 404].includes(object.problem.status) && (
          <ProblemPanel problem={object.problem} onRetry={object.reload} />
        )}
        {object.data && <ObjectCard task={asked.task} outcome={object.data} />}
      </div>
    </>
  );
}

/** The key of an address inside one of the locations; `undefined`: it is in none. */
export function inside(address: string, locations: string[]): string | undefined {
  const folders = locations.map((location) => (location.endsWith("/") ? location : `${location}/`));
  const found = folders.find((folder) => address.startsWith(folder) && address.length > folder.length);
  return found && address.slice(found.length);
}

const TONES = { copied: "good", deleted: "calm", skipped: "warn", failed: "bad", cancelled: "calm" } as const;

function ObjectCard({ task, outcome }: { task: string; outcome: Outcome }) {
  const { key, state, reason, error, size, attempts, worker, started, finished, proof } = outcome;
  return (
    <section class="card stack tight">
      <div class="card-head">
        <h2 class="mono key">
          <Raw text={key} /> <Copyable text={key} shown="" />
        </h2>
        <Badge tone={TONES[state as keyof typeof TONES] ?? "calm"}>{word("outcome", state)}</Badge>
      </div>
      {error && <Reason error={error} />}
      <dl class="facts">
        <dt>{t("col.task")}</dt>
        <dd>
          <a href={taskHref(task)}>{task}</a>
        </dd>
        {reason && (
          <>
            <dt>{t("objects.reason")}</dt>
            <dd>{word(state === "failed" ? "cause" : "reason", reason)}</dd>
          </>
        )}
        <dt>{t("failures.size")}</dt>
        <dd>
          {bytes(size)}
          {size > 1024 && <span class="faint"> · {count(size)} B</span>}
        </dd>
        <dt>{t("objects.settled")}</dt>
        <dd>
          <Time at={finished} full />
        </dd>
        <dt>{t("objects.started")}</dt>
        <dd>
          <Time at={started} full />
        </dd>
        <dt>{t("objects.attempts")}</dt>
        <dd>{count(attempts)}</dd>
        <dt>{t("objects.worker")}</dt>
        <dd>
          <Copyable text={worker} />
        </dd>
      </dl>
      {proof && (
        <>
          <h3>{t("objects.proof")}</h3>
          <dl class="facts">
            <dt>{t("objects.verified")}</dt>
            <dd>{proof.verified ?? t("objects.verified.none")}</dd>
            {proof.checksum && (
              <>
                <dt>{t("objects.checksum")}</dt>
                <dd>
                  <Copyable text={proof.checksum} />
                </dd>
              </>
            )}
            {proof.source_etag && (
              <>
                <dt>{t("objects.etag.source")}</dt>
                <dd>
                  <Copyable text={proof.source_etag} />
                </dd>
              </>
            )}
            {proof.source_version && (
              <>
                <dt>{t("objects.version.source")}</dt>
                <dd>
                  <Copyable text={proof.source_version} />
                </dd>
              </>
            )}
            {proof.etag && (
              <>
                <dt>{t("objects.etag")}</dt>
                <dd>
                  <Copyable text={proof.etag} />
                </dd>
              </>
            )}
          </dl>
        </>
      )}
    </section>
  );
}
