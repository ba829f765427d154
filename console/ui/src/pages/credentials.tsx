// Where credentials come from, and who uses them. Their values are never read.
import { useState } from "preact/hooks";
import { taskHref } from "../address";
import { listCredentials, probeTask } from "../api/calls";
import { readPages } from "../api/pages";
import { useQuery } from "../api/query";
import { may } from "../api/session";
import type { CredentialsOrigin, ProbeResult, Side } from "../api/types";
import { Button, Location } from "../components/controls";
import { ProbeView } from "../components/probe";
import { Reason } from "../components/reason";
import { Empty, ProblemPanel, Skeleton } from "../components/states";
import { Head } from "../frame";
import { t } from "../i18n";
import { useOperation } from "../live/operation";

export function CredentialsPage() {
  const [pages, setPages] = useState(1);
  const { data, problem, stale, reload } = useQuery(
    `credentials ${pages}`,
    (signal) => readPages((cursor) => listCredentials(cursor, { signal }), pages),
    { keep: "credentials" },
  );
  return (
    <>
      <Head title={t("nav.credentials")}>
        <p class="faint">{t("credentials.about")}</p>
      </Head>
      <div class="stack">
        {problem && problem.status !== 0 && <ProblemPanel problem={problem} onRetry={reload} />}
        {!data && !problem && (
          <div class="card">
            <Skeleton lines={4} block />
          </div>
        )}
        {data?.items.length === 0 && (
          <section class="card">
            <Empty icon="credentials" title={t("credentials.none")}>
              <p>{t("credentials.none.about")}</p>
            </Empty>
          </section>
        )}
        {data?.items.map((origin) => (
          <Origin key={origin.origin} origin={origin} />
        ))}
        {data?.next && (
          <div class="pager">
            <Button busy={stale} onClick={() => setPages(pages + 1)}>
              {t("more")}
            </Button>
          </div>
        )}
      </div>
    </>
  );
}

function Origin({ origin }: { origin: CredentialsOrigin }) {
  const kind = origin.origin.split(":")[0] ?? "";
  return (
    <section class="card stack tight">
      <div class="card-head">
        <h2 class="mono">{origin.origin}</h2>
        <span class="faint">{t("credentials.uses", { n: origin.uses })}</span>
      </div>
      <p class="faint">{t(`origin.${kind as "default"}`)}</p>
      <ul class="lines">
        {origin.used_by.map((use) => (
          <Use key={`${use.task} ${use.side}`} use={use} />
        ))}
      </ul>
    </section>
  );
}

function Use({ use }: { use: CredentialsOrigin["used_by"][number] }) {
  const probe = useOperation();
  const { operation } = probe;
  const side = use.side as Side;
  return (
    <li class="use">
      <div class="row">
        <a href={taskHref(use.task)}>{use.task}</a>
        <span class="faint">{t(`side.${side}`)}</span>
        <Location text={use.location} />
        {may("operator") && (
          <span class="push">
            <Button small busy={probe.busy} onClick={() => void probe.ask(() => probeTask(use.task))}>
              {t("credentials.test")}
            </Button>
          </span>
        )}
      </div>
      {probe.problem && <ProblemPanel problem={probe.problem} />}
      {operation?.error && <Reason error={operation.error} />}
      {operation?.result ? <ProbeView probe={operation.result as unknown as ProbeResult} sides={[side]} /> : null}
    </li>
  );
}
