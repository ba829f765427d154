// The second secret of a session. Browsers send the cookie to all ports of this machine, but keep this for this one.
const NAME = "flotilla-session";
const HEADER = "x-flotilla-session";

/** Time for another tab to answer. */
const WAIT_MS = 300;

const stored = () => {
  try {
    return sessionStorage.getItem(NAME);
  } catch {
    return null;
  }
};
// Without storage the secret lasts until the page is reloaded.
let secret = stored();

// A tab has a storage of its own: a new one asks the others, which are of the same address and port.
const tabs = typeof BroadcastChannel === "undefined" ? undefined : new BroadcastChannel(NAME);
let found = () => {};
tabs?.addEventListener("message", ({ data }: MessageEvent<{ ask?: true; secret?: string }>) => {
  if (data.ask && secret) tabs.postMessage({ secret });
  if (data.secret && !secret) keepSecret(data.secret);
  if (secret) found();
});

/** Keeps the secret for this tab; `null` forgets it. */
export function keepSecret(now: string | null): void {
  secret = now;
  try {
    if (now) sessionStorage.setItem(NAME, now);
    else sessionStorage.removeItem(NAME);
  } catch {
    // See above.
  }
}

/** Asks the other tabs for the secret, if this one has none. */
export async function askTabs(): Promise<void> {
  if (secret || !tabs) return;
  await new Promise<void>((resolve) => {
    found = resolve;
    setTimeout(resolve, WAIT_MS);
    tabs.postMessage({ ask: true });
  });
}

/** Adds the secret to a request that changes something. */
export function prove(headers: Headers, method: string): void {
  if (secret && method !== "GET" && method !== "HEAD") headers.set(HEADER, secret);
}
