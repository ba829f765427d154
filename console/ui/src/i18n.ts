// Texts in the page's language. A text is "one|other" where a count `n` decides, and has its values as {name}.
import { en } from "./i18n/en";
import { zh } from "./i18n/zh";
import { count } from "./format";
import { language, locale } from "./settings";
import { visible } from "./visible";

export type Key = keyof typeof en;
export type Values = Record<string, string | number>;
export type Messages = Record<Key, string>;

const messages: Record<"en" | "zh", Messages> = { en, zh };

/** The text of a key. Numbers are written in the page's locale. */
export function t(key: Key, values: Values = {}): string {
  return fill(messages[language.value][key], values);
}

/** The text of a key that the server's words make, such as `state.paused`; `fallback` where there is none. */
export function word(prefix: string, name: string, fallback = name): string {
  const key = `${prefix}.${name}`;
  return key in en ? t(key as Key) : fallback;
}

export function fill(text: string, values: Values): string {
  let chosen = text;
  const forms = text.split("|");
  if (forms.length > 1 && typeof values["n"] === "number") {
    const one = new Intl.PluralRules(locale.value).select(values["n"]) === "one";
    chosen = (one ? forms[0] : forms[1]) ?? text;
  }
  return chosen.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = values[name];
    return value === undefined ? whole : typeof value === "number" ? count(value) : visible(value);
  });
}
