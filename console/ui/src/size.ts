// Sizes as definitions spell them: a whole number of bytes, or one with K, M, G, T, KiB … or kB, MB ….
const UNITS: Record<string, number> = {
  "": 1,
  b: 1,
  k: 1024,
  m: 1024 ** 2,
  g: 1024 ** 3,
  t: 1024 ** 4,
  kib: 1024,
  mib: 1024 ** 2,
  gib: 1024 ** 3,
  tib: 1024 ** 4,
  kb: 1000,
  mb: 1000 ** 2,
  gb: 1000 ** 3,
  tb: 1000 ** 4,
};

/** The bytes of a size, or `undefined` if it is none. */
export function readSize(text: string): number | undefined {
  const [, number, unit] = /^\s*(\d+)\s*([a-z]*)\s*(?:\/s)?\s*$/i.exec(text) ?? [];
  const factor = UNITS[(unit ?? "?").toLowerCase()];
  if (number === undefined || factor === undefined) return undefined;
  const bytes = Number(number) * factor;
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** A size in the largest unit that makes it a whole number. */
export function writeSize(bytes: number): string {
  const unit = ["TiB", "GiB", "MiB", "KiB"].find((unit) => bytes % (UNITS[unit.toLowerCase()] ?? 1) === 0);
  return unit && bytes > 0 ? `${bytes / (UNITS[unit.toLowerCase()] ?? 1)}${unit}` : String(bytes);
}
