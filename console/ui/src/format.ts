// Numbers, sizes and times for people, in the page's locale and time zone.
import { signal } from "@preact/signals";
import { locale, zone } from "./settings";

/** The present time in milliseconds; it moves every 10 seconds, so that ages on the page stay true. */
export const now = signal(Date.now());

export function startClock(): void {
  setInterval(() => (now.value = Date.now()), 10_000);
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
const cache = new Map<string, Intl.NumberFormat>();

function numbers(options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = locale.value + JSON.stringify(options);
  let format = cache.get(key);
  if (!format) cache.set(key, (format = new Intl.NumberFormat(locale.value, options)));
  return format;
}

export function count(value: number): string {
  return numbers({ maximumFractionDigits: 0 }).format(value);
}

/** A count in little room: 1.2M. */
export function compact(value: number): string {
  return numbers({ notation: "compact", maximumFractionDigits: 1 }).format(value);
}

export function percent(part: number): string {
  const digits = part > 0 && part < 1 && (part < 0.1 || part > 0.99) ? 1 : 0;
  // Nothing is shown as complete before it is.
  const shown = part < 1 ? Math.min(part, 0.999) : part;
  return numbers({ style: "percent", maximumFractionDigits: digits }).format(shown);
}

export function bytes(value: number): string {
  let unit = 0;
  let size = value;
  while (size >= 1024 && unit < UNITS.length - 1) {
    size /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || size >= 100 ? 0 : 1;
  return `${numbers({ maximumFractionDigits: digits }).format(size)} ${UNITS[unit]}`;
}

export function bytesRate(value: number): string {
  return `${bytes(value)}/s`;
}

export function rate(value: number): string {
  return numbers({ maximumFractionDigits: value < 10 ? 1 : 0 }).format(value);
}

export function money(value: number): string {
  return numbers({ style: "currency", currency: "USD", maximumFractionDigits: value < 1 ? 4 : 2 }).format(value);
}

function unit(value: number, name: string): string {
  return numbers({
    style: "unit",
    unit: name,
    unitDisplay: locale.value.startsWith("zh") ? "short" : "narrow",
    maximumFractionDigits: 0,
  }).format(value);
}

/** A length of time by its two largest units, 2h 14m; an estimate by one, where that says enough. */
export function duration(seconds: number, isEstimate = false): string {
  const whole = Math.max(0, Math.round(seconds));
  const parts: [number, string][] = [
    [Math.floor(whole / 86_400), "day"],
    [Math.floor((whole % 86_400) / 3_600), "hour"],
    [Math.floor((whole % 3_600) / 60), "minute"],
    [whole % 60, "second"],
  ];
  const first = parts.findIndex(([size]) => size > 0);
  if (first < 0) return unit(0, "second");
  return parts
    .slice(first, first + (isEstimate && (parts[first]?.[0] ?? 0) >= 10 ? 1 : 2))
    .filter(([size]) => size > 0)
    .map(([size, name]) => unit(size, name))
    .join(" ");
}

/** A date and time in the chosen zone; to the second where asked. */
export function dateTime(iso: string | number, seconds = false): string {
  return new Intl.DateTimeFormat(locale.value, {
    dateStyle: "medium",
    timeStyle: seconds ? "medium" : "short",
    timeZone: zone.value,
  }).format(new Date(iso));
}

/** A time of the coming days in little room: its time of day, with the day's name where it is not today. */
export function soon(iso: string): string {
  const day = (at: number) => new Intl.DateTimeFormat("en-CA", { timeZone: zone.value }).format(new Date(at));
  const isToday = day(Date.parse(iso)) === day(now.value);
  const isFar = Date.parse(iso) - now.value > 6 * 86_400_000;
  return new Intl.DateTimeFormat(locale.value, {
    ...(isToday ? {} : isFar ? { day: "numeric", month: "short" } : { weekday: "short" }),
    hour: "2-digit",
    minute: "2-digit",
    timeZone: zone.value,
  }).format(new Date(iso));
}

export function timeOfDay(iso: string | number): string {
  return new Intl.DateTimeFormat(locale.value, { timeStyle: "short", timeZone: zone.value }).format(new Date(iso));
}

/** How far a time is from now: 5 minutes ago, in 2 hours. */
export function relative(iso: string): string {
  const seconds = (Date.parse(iso) - now.value) / 1000;
  const size = Math.abs(seconds);
  const format = new Intl.RelativeTimeFormat(locale.value, { numeric: "auto", style: "short" });
  if (size < 10) return format.format(0, "second");
  if (size < 60) return format.format(Math.round(seconds / 10) * 10, "second");
  if (size < 3_600) return format.format(Math.round(seconds / 60), "minute");
  if (size < 86_400) return format.format(Math.round(seconds / 3_600), "hour");
  return format.format(Math.round(seconds / 86_400), "day");
}
