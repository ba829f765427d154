// When a task runs, which events it follows, and who hears of the end.
import { useState } from "preact/hooks";
import { session } from "../../api/session";
import { Choice, TextField } from "../../components/field";
import { type Key, t } from "../../i18n";
import { zone } from "../../settings";
import {
  type Schedule,
  type ScheduleKind,
  getText,
  isInterval,
  providerOf,
  readSchedule,
  writeSchedule,
} from "./draft";
import type { StepProps } from "./wizard";

const KINDS: ScheduleKind[] = ["hand", "once", "every", "cron"];

export function When({ draft, change, wrong }: StepProps) {
  const [schedule, setSchedule] = useState(() => readSchedule(getText(draft, "schedule"), zone.value));
  const put = (changes: Partial<Schedule>) => {
    const next = { ...schedule, ...changes };
    setSchedule(next);
    change("schedule", writeSchedule(next));
  };
  return (
    <>
      <Choice
        legend={t("field.schedule")}
        value={schedule.kind}
        onInput={(kind) => put({ kind: kind as ScheduleKind })}
        options={KINDS.map((value) => ({
          value,
          label: t(`schedule.${value}` as Key),
          hint: t(`schedule.${value}.hint` as Key),
        }))}
      />
      {schedule.kind === "every" && (
        <TextField
          label={t("schedule.every.label")}
          value={schedule.every}
          mono
          list={["15m", "1h", "6h", "1d", "7d"]}
          hint={t("schedule.every.about")}
          error={isInterval(schedule.every) ? wrong("schedule") : t("schedule.every.wrong")}
          onInput={(every) => put({ every })}
        />
      )}
      {schedule.kind === "cron" && (
        <div class="halves">
          <TextField
            label={t("schedule.cron.label")}
            value={schedule.cron}
            mono
            hint={t("schedule.cron.about")}
            error={wrong("schedule")}
            onInput={(cron) => put({ cron })}
          />
          <TextField label={t("settings.zone")} value={schedule.zone} onInput={(zone) => put({ zone })} />
        </div>
      )}
      <Events draft={draft} change={change} wrong={wrong} />
      <div class="halves">
        <TextField
          label={t("notify.topic")}
          value={getText(draft, "notify.topic")}
          mono
          optional={t("optional")}
          placeholder="arn:aws:sns:…"
          error={wrong("notify.topic")}
          onInput={(value) => change("notify.topic", value.trim())}
        />
        <TextField
          label={t("notify.webhook")}
          value={getText(draft, "notify.webhook")}
          mono
          optional={t("optional")}
          placeholder="https://…"
          hint={t("notify.webhook.hint")}
          error={wrong("notify.webhook")}
          onInput={(value) => change("notify.webhook", value.trim())}
        />
      </div>
    </>
  );
}

function Events({ draft, change, wrong }: Pick<StepProps, "draft" | "change" | "wrong">) {
  const events = getText(draft, "events") || "off";
  const needsQueue = session.value.features?.mode === "folder" && providerOf(draft, "source") !== "folder";
  return (
    <>
      <Choice
        legend={t("field.events")}
        value={events}
        onInput={(value) => change("events", value === "off" ? undefined : value)}
        options={(["off", "create", "create-delete"] as const).map((value) => ({
          value,
          label: t(`events.${value}`),
          hint: t(`events.${value}.hint`),
        }))}
      />
      {events !== "off" && needsQueue && (
        <TextField
          label={t("field.events.queue")}
          value={getText(draft, "events-queue")}
          mono
          error={wrong("events-queue")}
          placeholder="https://sqs.eu-west-1.amazonaws.com/123456789012/photos"
          hint={t("field.events.queue.hint")}
          onInput={(value) => change("events-queue", value.trim())}
        />
      )}
    </>
  );
}
