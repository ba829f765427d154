// Source and destination: where, with which credentials, and whether workers can use them.
import { useEffect, useState } from "preact/hooks";
import { checkDefinition, probe } from "../../api/calls";
import { session } from "../../api/session";
import type { ProbeResult, Side } from "../../api/types";
import { Button } from "../../components/controls";
import { CheckField, SelectField, TextField } from "../../components/field";
import { ProbeView, isAllowed } from "../../components/probe";
import { Reason } from "../../components/reason";
import { Notice, ProblemPanel } from "../../components/states";
import { type Key, t } from "../../i18n";
import { visible } from "../../visible";
import { type OperationState, useOperation } from "../../live/operation";
import {
  PROVIDERS,
  type Provider,
  endpointOf,
  getText,
  isName,
  locationOf,
  placeOf,
  providerOf,
  set,
  suggestName,
} from "./draft";
import type { StepProps } from "./wizard";

const ORIGINS = ["default", "env", "profile", "file", "secretsmanager", "role", "anonymous"] as const;

export function Where(props: StepProps) {
  const { draft, change, wrong, editing } = props;
  const source = useOperation();
  const destination = useOperation();
  const name = getText(draft, "task");
  return (
    <>
      <div class="sides">
        <SideForm {...props} side="source" test={source} />
        <SideForm {...props} side="destination" test={destination} />
      </div>
      {editing && (
        <Notice title={t("form.locations.stay")}>
          <p>{t("form.locations.stay.about")}</p>
        </Notice>
      )}
      <div class="halves">
        <TextField
          label={t("form.name")}
          value={name}
          onInput={(value) => change("task", value)}
          mono
          disabled={Boolean(editing)}
          placeholder={suggestName(draft)}
          hint={t("form.name.hint")}
          error={wrong("task") ?? (name && !isName(name) ? t("form.name.wrong") : undefined)}
        />
        <TextField
          label={t("form.description")}
          value={getText(draft, "description")}
          optional={t("optional")}
          onInput={(value) => change("description", value)}
          error={wrong("description")}
        />
      </div>
    </>
  );
}

function SideForm({ draft, editing, change, wrong, side, test }: StepProps & { side: Side; test: OperationState }) {
  const [chosen, setChosen] = useState<Provider | undefined>(undefined);
  const provider = chosen ?? providerOf(draft, side) ?? "amazon";
  const location = getText(draft, `${side}.location`);
  const endpoint = endpointOf(provider);
  const text = (name: string) => getText(draft, `${side}.${name}`);
  const at = (name: string) => `${side}.${name}`;
  useEffect(test.reset, [JSON.stringify(draft[side])]);
  const choose = (to: Provider) => {
    setChosen(to);
    if (location) change(at("location"), locationOf(to, placeOf(location)));
    if (endpointOf(to) !== "wanted") change(at("endpoint-url"), undefined);
  };
  return (
    <fieldset class="side-form stack">
      <legend>
        <h3>{t(`side.${side}`)}</h3>
      </legend>
      <SelectField
        label={t("form.provider")}
        value={provider}
        disabled={Boolean(editing)}
        onInput={(value) => choose(value as Provider)}
        options={PROVIDERS.map((one): [string, string] => [one, t(`provider.${one}` as Key)])}
      />
      <TextField
        label={provider === "folder" ? t("form.folder") : t("form.bucket")}
        value={placeOf(location)}
        mono
        required
        disabled={Boolean(editing)}
        placeholder={provider === "folder" ? "/data/photos" : t("form.bucket.example")}
        hint={provider === "folder" ? t("form.folder.hint") : t("form.bucket.hint")}
        error={wrong(at("location"))}
        onInput={(value) => change(at("location"), locationOf(provider, value))}
      />
      {endpoint === "wanted" && (
        <TextField
          label={t("form.endpoint")}
          value={text("endpoint-url")}
          mono
          inputMode="url"
          error={wrong(at("endpoint-url")) ?? endpointError(text("endpoint-url"))}
          placeholder="https://s3.example.com"
          onInput={(value) => change(at("endpoint-url"), value.trim())}
        />
      )}
      {endpoint !== "none" && (
        <>
          <TextField
            label={t("form.region")}
            value={text("region")}
            mono
            optional={t("optional")}
            error={wrong(at("region"))}
            hint={t(`region.${provider}` as Key)}
            onInput={(value) => change(at("region"), value.trim())}
          />
          <Credentials
            value={text("credentials")}
            error={wrong(at("credentials"))}
            onInput={(value) => change(at("credentials"), value)}
          />
          <Advanced draft={draft} side={side} change={change} wrong={wrong} endpoint={endpoint} />
        </>
      )}
      <Test draft={draft} side={side} test={test} />
    </fieldset>
  );
}

function endpointError(url: string): string | undefined {
  return !url || /^https?:\/\/[^/]/.test(url) ? undefined : t("form.endpoint.wrong");
}

function Advanced({
  draft,
  side,
  change,
  wrong,
  endpoint,
}: Pick<StepProps, "draft" | "change" | "wrong"> & {
  side: Side;
  endpoint: "wanted" | "taken" | "none";
}) {
  const text = (name: string) => getText(draft, `${side}.${name}`);
  return (
    <details class="advanced">
      <summary>{t("form.advanced")}</summary>
      <div class="stack">
        {endpoint === "taken" && (
          <TextField
            label={t("form.endpoint")}
            value={text("endpoint-url")}
            mono
            optional={t("optional")}
            error={wrong(`${side}.endpoint-url`) ?? endpointError(text("endpoint-url"))}
            onInput={(value) => change(`${side}.endpoint-url`, value.trim())}
          />
        )}
        <SelectField
          label={t("form.addressing")}
          value={text("addressing-style") || "auto"}
          onInput={(value) => change(`${side}.addressing-style`, value === "auto" ? undefined : value)}
          options={[
            ["auto", t("addressing.auto")],
            ["path", t("addressing.path")],
            ["virtual", t("addressing.virtual")],
          ]}
        />
        <CheckField
          label={t("form.requester")}
          hint={t("form.requester.hint")}
          checked={text("requester-pays") === "true"}
          onInput={(on) => change(`${side}.requester-pays`, on || undefined)}
        />
      </div>
    </details>
  );
}

function Credentials({
  value,
  error,
  onInput,
}: {
  value: string;
  error: string | undefined;
  onInput: (value: string | undefined) => void;
}) {
  const [kind = "", ...rest] = value.split(":");
  const origin = ORIGINS.find((one) => one === kind) ?? "default";
  const name = rest.join(":");
  const named = !["default", "anonymous"].includes(origin);
  return (
    <div class="stack tight">
      <SelectField
        label={t("form.credentials")}
        value={origin}
        hint={t(`origin.${origin}`)}
        onInput={(to) => onInput(to === "default" ? undefined : to === "anonymous" ? to : `${to}:`)}
        options={ORIGINS.map((one): [string, string] => [one, t(`origin.${one}.name` as Key)])}
      />
      {named && (
        <TextField
          label={t(`origin.${origin}.label` as Key)}
          value={name}
          mono
          error={error}
          required
          onInput={(name) => onInput(`${origin}:${name.trim()}`)}
        />
      )}
      {!named && error && <p class="field-error">{error}</p>}
    </div>
  );
}

function Test({ draft, side, test }: { draft: StepProps["draft"]; side: Side; test: OperationState }) {
  const [write, setWrite] = useState(false);
  const both = getText(draft, "source.location") && getText(draft, "destination.location");
  const ended = test.operation?.state === "done" ? test.operation : undefined;
  // The result of a test that could not be made has no rights: it is no good news.
  const result = ended?.verdict === "succeeded" ? (ended.result as unknown as ProbeResult) : undefined;
  const failed = Boolean(test.problem) || (ended && !result);
  const ask = () =>
    test.ask(async () => {
      const named = getText(draft, "task") ? draft : set(draft, "task", suggestName(draft) || "probe");
      await checkDefinition(named);
      return probe(named, side === "destination" && write);
    });
  return (
    <div class="test stack tight">
      {side === "destination" && (
        <CheckField label={t("form.test.write")} hint={t("form.test.write.hint")} checked={write} onInput={setWrite} />
      )}
      <div class="row">
        <Button icon="check" busy={test.busy} disabled={!both} onClick={() => void ask()}>
          {t("form.test")}
        </Button>
        <span class="hint" role="status">
          {!both ? (
            t("form.test.both")
          ) : test.busy ? (
            waiting(test)
          ) : result || failed ? (
            <strong class={result && isAllowed(result, side) ? "good-text" : "bad-text"}>
              {result && isAllowed(result, side) ? t("form.test.good") : t("form.test.bad")}
            </strong>
          ) : (
            ""
          )}
        </span>
      </div>
      {test.problem && <ProblemPanel problem={test.problem} />}
      {test.operation?.error && <Reason error={test.operation.error} />}
      {result && <ProbeView probe={result} sides={[side]} />}
    </div>
  );
}

/** What a person waits for: nobody carries an operation out while no worker runs. */
export function waiting({ operation }: OperationState): string {
  if (operation?.state === "running") return `${t("operation.running")} ${visible(operation.progress ?? "")}`;
  return session.value.features?.serves_tasks ? t("operation.waiting") : t("operation.waiting.worker");
}
