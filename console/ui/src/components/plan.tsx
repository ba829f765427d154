// What a run would do, and what it would cost.
import type { PlanResult } from "../api/types";
import { bytes, count, money } from "../format";
import { t } from "../i18n";
import { why } from "../why";
import { Stat } from "./progress";
import { Raw } from "./raw";
import { Notice } from "./states";

export function PlanView({ plan }: { plan: PlanResult }) {
  const requests = total(plan.requests);
  return (
    <div class="stack tight">
      <dl class="stats">
        <Stat name={t("plan.copies")} value={count(plan.copies)} more={bytes(plan.copy_bytes)} />
        <Stat
          name={t("plan.deletes")}
          value={count(plan.deletes)}
          bad={plan.deletes > 0}
          more={plan.deletes > 0 ? t("plan.of.destination", { n: plan.listed_destination }) : ""}
        />
        <Stat name={t("plan.unchanged")} value={count(plan.unchanged)} more={t("plan.of.listed", { n: plan.listed })} />
        <Stat name={t("plan.filtered")} value={count(plan.filtered)} />
        {requests > 0 && <Stat name={t("plan.requests")} value={count(requests)} />}
        {typeof plan.usd_requests === "number" && (
          <Stat
            name={t("plan.cost")}
            value={money(plan.usd_requests)}
            more={
              typeof plan.usd_egress_at_most === "number"
                ? t("plan.egress", { cost: money(plan.usd_egress_at_most) })
                : ""
            }
          />
        )}
      </dl>
      {plan.deletes > 0 && plan.deletes >= plan.listed_destination / 2 && (
        <Notice tone="bad" title={t("plan.deletes.most", { n: plan.deletes, all: plan.listed_destination })}>
          <p>{t("plan.deletes.most.about")}</p>
        </Notice>
      )}
      <Keys title={t("plan.deletes")} keys={plan.delete_keys} all={plan.deletes} open />
      <Keys title={t("plan.copies")} keys={plan.copy_keys} all={plan.copies} />
      {typeof plan.usd_requests === "number" && <p class="hint">{t("plan.cost.about")}</p>}
      {plan.copies === 0 && plan.deletes === 0 && <Notice tone="good" title={t("plan.nothing")} />}
      {plan.deletes_refused && (
        <Notice tone="bad" title={t("plan.refused")}>
          <p>{why(plan.deletes_refused)}</p>
        </Notice>
      )}
      {plan.not_judged > 0 && <Notice tone="warn" title={t("stat.not.judged", { n: plan.not_judged })} />}
    </div>
  );
}

/** The first keys of many. */
function Keys({
  title,
  keys = [],
  all,
  open,
}: {
  title: string;
  keys: string[] | undefined;
  all: number;
  open?: boolean;
}) {
  if (keys.length === 0) return null;
  return (
    <details open={open}>
      <summary>{t("plan.keys", { what: title })}</summary>
      <ul class="mono plan-keys">
        {keys.map((key) => (
          <li key={key}>
            <Raw text={key} />
          </li>
        ))}
      </ul>
      {all > keys.length && <p class="hint">{t("and.more", { n: all - keys.length })}</p>}
    </details>
  );
}

/** All requests of a plan, of every service and kind. */
export function total(requests: unknown): number {
  if (typeof requests === "number") return requests;
  if (typeof requests !== "object" || !requests) return 0;
  const { count } = requests as { count?: unknown };
  if (typeof count === "number") return count;
  return Object.values(requests).reduce((sum: number, one) => sum + total(one), 0);
}
