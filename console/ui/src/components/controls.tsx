// Small controls that every page uses.
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { dateTime, relative } from "../format";
import { t } from "../i18n";
import { visible } from "../visible";
import { Icon, type IconName } from "./icon";
import { Raw } from "./raw";
import { toast } from "./toast";

type Kind = "primary" | "plain" | "danger" | "quiet";

interface ButtonProps {
  children?: ComponentChildren;
  icon?: IconName;
  kind?: Kind;
  label?: string;
  type?: "button" | "submit";
  disabled?: boolean;
  busy?: boolean;
  small?: boolean;
  onClick?: () => void;
}

/** A button; `label` names one that shows an icon alone. A busy one keeps its width and takes no second click. */
export function Button(props: ButtonProps) {
  const { children, icon, kind = "plain", label, type = "button", disabled, busy, small, onClick } = props;
  const alone = !children;
  const shape = `button ${kind}${small ? " small" : ""}${alone ? " alone" : ""}`;
  return (
    <button
      type={type}
      class={shape}
      disabled={disabled}
      aria-busy={busy}
      aria-label={label}
      title={label}
      onClick={() => !busy && onClick?.()}
    >
      {busy ? <span class="spinner" aria-hidden="true" /> : icon && <Icon name={icon} size={small ? 16 : 18} />}
      {children && <span>{children}</span>}
    </button>
  );
}

export function LinkButton({
  href,
  icon,
  kind = "plain",
  children,
  small,
}: {
  href: string;
  icon?: IconName;
  kind?: Kind;
  children: ComponentChildren;
  small?: boolean;
}) {
  return (
    <a class={`button ${kind}${small ? " small" : ""}`} href={href}>
      {icon && <Icon name={icon} size={small ? 16 : 18} />}
      <span>{children}</span>
    </a>
  );
}

/** A time: how long ago, with the whole date at hand. */
export function Time({ at, full }: { at: string | null | undefined; full?: boolean }) {
  if (!at) return <span class="faint">–</span>;
  return (
    <time dateTime={at} title={dateTime(at, true)}>
      {full ? dateTime(at) : relative(at)}
    </time>
  );
}

/** Text with a button that copies it: ids, keys, commands. */
export function Copyable({ text, shown, mono = true }: { text: string; shown?: string; mono?: boolean }) {
  const [done, setDone] = useState(false);
  useEffect(() => {
    if (!done) return;
    const timer = setTimeout(() => setDone(false), 1_500);
    return () => clearTimeout(timer);
  }, [done]);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setDone(true);
      toast(t("copied"));
    } catch {
      toast(t("copy.failed"), "bad");
    }
  };
  return (
    <span class="copyable">
      <span class={mono ? "mono" : ""} title={visible(text)}>
        <Raw text={shown ?? text} />
      </span>
      <button type="button" class="copy" onClick={copy} aria-label={t("copy.what", { what: text })}>
        <Icon name={done ? "check" : "copy"} size={14} />
      </button>
    </span>
  );
}

/** A location: its scheme is faint, and it wraps at slashes. */
export function Location({ text }: { text: string }) {
  const [, scheme, rest] = /^([a-z0-9]+:\/\/)?(.*)$/s.exec(text) ?? [];
  const parts = (rest ?? text).split(/(?<=\/)/);
  return (
    <span class="location mono" title={visible(text)}>
      {scheme && <span class="faint">{scheme}</span>}
      {parts.map((part) => (
        <>
          <Raw text={part} />
          <wbr />
        </>
      ))}
    </span>
  );
}

export function Route({ from, to }: { from: string; to: string }) {
  return (
    <span class="route">
      <Location text={from} />
      <span class="arrow">
        <Icon name="right" size={14} />
        <span class="hidden">{t("to")}</span>
      </span>
      <Location text={to} />
    </span>
  );
}

/** A menu behind a button; the arrow keys and Escape work as in a menu of the system. */
export function Menu({
  label,
  items,
}: {
  label: string;
  items: { label: string; icon?: IconName; danger?: boolean; href?: string; onClick?: () => void }[];
}) {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const entries = () => [...(root.current?.querySelectorAll<HTMLElement>("[role=menuitem]") ?? [])];
  // Before the browser paints: a key that is pressed at once finds the focus in the menu.
  useLayoutEffect(() => {
    if (!open) return;
    entries()[0]?.focus();
    const outside = (event: Event) => !root.current?.contains(event.target as Node) && setOpen(false);
    addEventListener("pointerdown", outside);
    return () => removeEventListener("pointerdown", outside);
  }, [open]);
  const onKeyDown = (event: KeyboardEvent) => {
    const all = entries();
    const at = all.indexOf(document.activeElement as HTMLElement);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (open && step) {
      event.preventDefault();
      all[(at + step + all.length) % all.length]?.focus();
    } else if (open && (event.key === "Escape" || event.key === "Tab")) {
      setOpen(false);
      if (event.key === "Escape") root.current?.querySelector("button")?.focus();
    }
  };
  const close = () => {
    setOpen(false);
    root.current?.querySelector("button")?.focus();
  };
  return (
    <div class="menu" ref={root} onKeyDown={onKeyDown}>
      <button
        type="button"
        class="button plain alone"
        aria-haspopup="menu"
        aria-expanded={open}
        aria-label={label}
        title={label}
        onClick={() => setOpen(!open)}
      >
        <Icon name="more" />
      </button>
      {open && (
        <div role="menu" aria-label={label}>
          {items.map(({ label, icon, danger, href, onClick }) =>
            href ? (
              <a role="menuitem" href={href}>
                {icon && <Icon name={icon} size={16} />}
                {label}
              </a>
            ) : (
              <button
                type="button"
                role="menuitem"
                class={danger ? "danger" : ""}
                onClick={() => {
                  close();
                  onClick?.();
                }}
              >
                {icon && <Icon name={icon} size={16} />}
                {label}
              </button>
            ),
          )}
        </div>
      )}
    </div>
  );
}

/** The cell of a row by which a person picks it. */
export function PickCell({ label, picked, onPick }: { label: string; picked: boolean; onPick: (on: boolean) => void }) {
  return (
    <td class="pick">
      <input
        type="checkbox"
        checked={picked}
        aria-label={label}
        onInput={(event) => onPick(event.currentTarget.checked)}
      />
    </td>
  );
}
