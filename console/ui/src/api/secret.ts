// The second secret of a session. Browsers send the cookie to all ports of a host, but show this to pages of this port
// alone: storage belongs to an origin. All tabs have it, also after a reload. The server never gives it for a cookie.
const NAME = "flotilla-session";
const HEADER = "x-flotilla-session";

/** Without storage the secret lasts until the page is reloaded: then the person signs in again. */
let memory: string | null = null;

/** The secret as another tab, or this one, has stored it last. */
export function secret(): string | null {
  try {
    return localStorage.getItem(NAME) ?? memory;
  } catch {
    return memory;
  }
}

/** Keeps the secret; `null` forgets it. */
export function keepSecret(now: string | null): void {
  memory = now;
  try {
    if (now) localStorage.setItem(NAME, now);
    else localStorage.removeItem(NAME);
  } catch {
    // See above.
  }
}

/** Adds the secret to a request, also if there is none: the server then says that nobody is signed in here. */
export function prove(headers: Headers): void {
  headers.set(HEADER, secret() ?? "");
}
