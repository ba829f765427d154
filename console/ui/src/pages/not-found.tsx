import { LinkButton } from "../components/controls";
import { Empty } from "../components/states";
import { Head } from "../frame";
import { t } from "../i18n";

export function NotFound() {
  return (
    <>
      <Head title={t("lost.title")} />
      <section class="card">
        <Empty icon="search" title={t("lost.what")}>
          <p>{t("lost.about")}</p>
          <LinkButton href="/" kind="primary">
            {t("lost.back")}
          </LinkButton>
        </Empty>
      </section>
    </>
  );
}
