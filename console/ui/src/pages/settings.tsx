// What a person chooses for this browser.
import { useState } from "preact/hooks";
import { logout, session } from "../api/session";
import { Button, Copyable } from "../components/controls";
import { SelectField, TextField } from "../components/field";
import { dateTime, now } from "../format";
import { Head } from "../frame";
import { t } from "../i18n";
import { chosenLanguage, chosenZone, theme, zone, type Theme } from "../settings";

function isZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

export function SettingsPage() {
  const [typed, setTyped] = useState(chosenZone.value);
  const zones = typeof Intl.supportedValuesOf === "function" ? ["UTC", ...Intl.supportedValuesOf("timeZone")] : ["UTC"];
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const choose = (name: string) => {
    setTyped(name);
    if (name === "" || isZone(name)) chosenZone.value = name;
  };
  return (
    <>
      <Head title={t("nav.settings")}>
        <p class="faint">{t("settings.about")}</p>
      </Head>
      <div class="halves">
        <section class="card stack">
          <h2>{t("settings.look")}</h2>
          <SelectField
            label={t("settings.language")}
            value={chosenLanguage.value}
            onInput={(value) => (chosenLanguage.value = value)}
            options={[
              ["", t("settings.auto")],
              ["en", "English"],
              ["zh", "简体中文"],
            ]}
          />
          <SelectField
            label={t("settings.theme")}
            value={theme.value}
            onInput={(value) => (theme.value = value as Theme)}
            options={[
              ["auto", t("settings.auto")],
              ["light", t("settings.light")],
              ["dark", t("settings.dark")],
            ]}
          />
          <TextField
            label={t("settings.zone")}
            value={typed}
            onInput={choose}
            list={zones}
            placeholder={own}
            error={typed && !isZone(typed) ? t("settings.zone.unknown") : undefined}
            hint={t("settings.zone.now", { zone: zone.value, time: dateTime(now.value) })}
          />
        </section>
        <About />
      </div>
    </>
  );
}

function About() {
  const { features, me } = session.value;
  return (
    <section class="card stack">
      <h2>{t("settings.console")}</h2>
      <dl class="facts">
        <dt>{t("settings.fleet")}</dt>
        <dd>{features?.fleet}</dd>
        <dt>{t("settings.mode")}</dt>
        <dd>{features ? t(`mode.${features.mode}`) : "–"}</dd>
        <dt>{t("machines.version")}</dt>
        <dd>{features && <Copyable text={features.version} />}</dd>
        <dt>{t("settings.signed.in")}</dt>
        <dd>{me?.name}</dd>
        <dt>{t("settings.role")}</dt>
        <dd>
          {me ? t(`role.${me.role}`) : "–"}
          <p class="hint">{me && t(`role.${me.role}.about`)}</p>
        </dd>
        <dt>API</dt>
        <dd>
          <a href="/api/v1/openapi.json" download>
            openapi.json
          </a>
        </dd>
      </dl>
      <div>
        <Button icon="out" onClick={() => void logout().catch(() => location.reload())}>
          {t("settings.sign.out")}
        </Button>
      </div>
    </section>
  );
}
