// What a person chooses for this browser: language, theme and time zone. Nothing of it reaches the server.
import { computed, effect, signal } from "@preact/signals";

export type Language = "en" | "zh";
export type Theme = "auto" | "light" | "dark";

function stored(name: string): string {
  try {
    return localStorage.getItem(`flotilla.${name}`) ?? "";
  } catch {
    return ""; // A browser may deny storage; the choice then lasts as long as the page.
  }
}

function store(name: string, value: string): void {
  try {
    if (value) localStorage.setItem(`flotilla.${name}`, value);
    else localStorage.removeItem(`flotilla.${name}`);
  } catch {
    // See `stored`.
  }
}

/** The chosen language; empty: the browser's. */
export const chosenLanguage = signal(stored("language"));
/** The chosen IANA time zone; empty: the browser's. */
export const chosenZone = signal(stored("zone"));
/** The chosen theme. */
export const theme = signal<Theme>((stored("theme") || "auto") as Theme);
/** The last step of charts that was chosen, in minutes of time shown. */
export const chartSpan = signal(Number(stored("span")) || 60);

export const language = computed<Language>(() => {
  const wanted = chosenLanguage.value || navigator.language;
  return wanted.toLowerCase().startsWith("zh") ? "zh" : "en";
});

/** The locale of numbers and dates: the browser's own where its language is the page's. */
export const locale = computed(() => {
  const own = navigator.language;
  return own.toLowerCase().startsWith(language.value) ? own : language.value === "zh" ? "zh-CN" : "en-GB";
});

export const zone = computed(() => chosenZone.value || Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC");

export function keepSettings(): void {
  effect(() => store("language", chosenLanguage.value));
  effect(() => store("zone", chosenZone.value));
  effect(() => store("span", String(chartSpan.value)));
  effect(() => {
    store("theme", theme.value === "auto" ? "" : theme.value);
    document.documentElement.dataset["theme"] = theme.value;
  });
  effect(() => {
    document.documentElement.lang = language.value === "zh" ? "zh-CN" : "en";
  });
}
