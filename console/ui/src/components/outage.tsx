// A store that does not answer, or another problem that workers report of a task.
import type { WorkerError } from "../api/types";
import { t } from "../i18n";
import { outage, why } from "../why";
import { Notice } from "./states";

export function WorkerErrors({ errors }: { errors: WorkerError[] }) {
  const first = errors[0];
  if (!first) return null;
  const found = outage(first.error);
  if (!found)
    return (
      <Notice tone="bad" title={t("notice.cannot.open", { n: errors.length })}>
        <p>{why(first.error)}</p>
      </Notice>
    );
  return (
    <Notice tone="warn" title={found.side ? t(`outage.title.${found.side}`) : t("outage.title")}>
      <p>{found.error}</p>
      <p>{t("outage.about")}</p>
    </Notice>
  );
}
