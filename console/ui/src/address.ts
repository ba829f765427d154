// Addresses of pages.
export const taskHref = (task: string, tab?: string) => `/tasks/${encodeURIComponent(task)}${tab ? `?tab=${tab}` : ""}`;
export const editHref = (task: string) => `/tasks/${encodeURIComponent(task)}/edit`;
export const cloneHref = (task: string) => `/tasks/${encodeURIComponent(task)}/clone`;
export const runHref = (run: string, cause?: string) =>
  `/runs/${encodeURIComponent(run)}${cause ? `?cause=${encodeURIComponent(cause)}` : ""}`;
export const objectsHref = (task: string, key: string) => `/objects?${new URLSearchParams({ task, key })}`;

/** The end of a run's id, which tells it from others for people; the whole is at hand where it is shown. */
export const shortRun = (run: string) => (run.length > 13 ? run.slice(-8) : run);

/** The address with some values of its query changed; empty ones are left out. */
export function withQuery(path: string, query: Record<string, string>, changes: Record<string, string>): string {
  const all = Object.entries({ ...query, ...changes }).filter(([, value]) => value !== "");
  const text = new URLSearchParams(all).toString();
  return text ? `${path}?${text}` : path;
}
