// The frame around each page: navigation, the connection's state, who is signed in.
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { useLocation } from "preact-iso/router";
import { session } from "./api/session";
import { connected } from "./api/client";
import { Icon, Mark, type IconName } from "./components/icon";
import { Toasts } from "./components/toast";
import { type Key, t } from "./i18n";

const PLACES: { href: string; icon: IconName; label: Key; under: RegExp }[] = [
  { href: "/", icon: "tasks", label: "nav.tasks", under: /^\/($|tasks)/ },
  { href: "/failures", icon: "failures", label: "nav.failures", under: /^\/failures/ },
  { href: "/objects", icon: "objects", label: "nav.objects", under: /^\/objects/ },
  { href: "/machines", icon: "machines", label: "nav.machines", under: /^\/machines/ },
  { href: "/credentials", icon: "credentials", label: "nav.credentials", under: /^\/credentials/ },
  { href: "/changes", icon: "changes", label: "nav.changes", under: /^\/changes/ },
  { href: "/settings", icon: "settings", label: "nav.settings", under: /^\/settings/ },
];

export function Frame({ children }: { children: ComponentChildren }) {
  const { path } = useLocation();
  const { features, me } = session.value;
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);
  // A new page begins at its top, and a screen reader begins to read there.
  useEffect(() => {
    if (first.current) {
      first.current = false;
      return;
    }
    scrollTo(0, 0);
    main.current?.focus({ preventScroll: true });
  }, [path]);
  return (
    <div class="frame">
      <a class="skip" href="#main">
        {t("skip")}
      </a>
      <header class="side">
        <a class="brand" href="/">
          <Mark />
          <span>
            <strong>Flotilla</strong>
            {features && <small>{features.fleet}</small>}
          </span>
        </a>
        <nav aria-label={t("nav.label")}>
          {PLACES.map(({ href, icon, label, under }) => (
            <a key={href} href={href} class={`to-${icon}`} aria-current={under.test(path) ? "page" : undefined}>
              <Icon name={icon} size={20} />
              <span>{t(label)}</span>
            </a>
          ))}
        </nav>
        {me && (
          <a class="who" href="/settings">
            <span class="hidden">{t("nav.settings")}</span>
            <span class="avatar" aria-hidden="true">
              {me.name.slice(0, 1).toUpperCase()}
            </span>
            <span>
              <strong title={me.name}>{me.name}</strong>
              <small>{t(`role.${me.role}`)}</small>
            </span>
          </a>
        )}
      </header>
      <main id="main" ref={main} tabIndex={-1}>
        {!connected.value && (
          <div class="offline" role="alert">
            <Icon name="offline" />
            <span>{t("offline")}</span>
          </div>
        )}
        {children}
      </main>
      <Toasts />
    </div>
  );
}

/** The head of a page: its title, what stands above and beside it. It also titles the window. */
export function Head({
  title,
  above,
  actions,
  children,
}: {
  title: string;
  above?: { href: string; label: string };
  actions?: ComponentChildren;
  children?: ComponentChildren;
}) {
  useEffect(() => {
    document.title = `${title} · Flotilla`;
  }, [title]);
  return (
    <div class="head">
      <div class="head-text">
        {above && (
          <a class="above" href={above.href}>
            <Icon name="back" size={16} />
            {above.label}
          </a>
        )}
        <h1>{title}</h1>
        {children}
      </div>
      {actions && <div class="head-actions">{actions}</div>}
    </div>
  );
}
