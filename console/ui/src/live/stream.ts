// Live events of the tasks and runs that the page shows. Without a stream the pages ask again every few seconds.
import { useEffect, useRef } from "preact/hooks";
import { signal } from "@preact/signals";

/** Whether a stream is open: pages then ask less often. */
export const streaming = signal(false);

interface Watch {
  tasks?: string[];
  runs?: string[];
  onEvent: (kind: "task" | "run" | "operation", data: unknown) => void;
}

/** Seconds between two questions of a page whose data also come by a stream: it fills in what events do not have. */
export function pollEvery(isLive = true): number {
  if (!isLive) return 30;
  return streaming.value ? 15 : 5;
}

/** After a stream was refused, which browsers take for its end, the page waits this long. */
const AGAIN_MS = 10_000;

const KINDS = ["task", "run", "operation"] as const;

/**
 * Keeps one stream open while the component is shown. The browser reopens it by itself, from the last event on. A hidden
 * page closes it: a browser has six connections to a server, and each open tab would keep one.
 */
export function useStream({ tasks = [], runs = [], onEvent }: Watch): void {
  const handler = useRef(onEvent);
  handler.current = onEvent;
  const query = new URLSearchParams();
  if (tasks.length) query.set("tasks", tasks.join(","));
  if (runs.length) query.set("runs", runs.join(","));
  const wanted = query.toString();
  useEffect(() => {
    if (!wanted || typeof EventSource === "undefined") return;
    let source: EventSource | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const close = () => {
      clearTimeout(timer);
      source?.close();
      source = undefined;
      streaming.value = false;
    };
    const open = () => {
      if (document.hidden) return close();
      if (source) return;
      clearTimeout(timer);
      source = new EventSource(`/api/v1/stream?${wanted}`);
      for (const kind of KINDS) source.addEventListener(kind, (event) => receive(kind, event as MessageEvent<string>));
      source.onopen = () => (streaming.value = true);
      source.onerror = () => {
        streaming.value = false;
        if (source?.readyState !== EventSource.CLOSED) return;
        close();
        timer = setTimeout(open, AGAIN_MS);
      };
    };
    const receive = (kind: (typeof KINDS)[number], event: MessageEvent<string>) => {
      try {
        handler.current(kind, JSON.parse(event.data));
      } catch {
        // An event that cannot be read changes nothing; the next question to the API has the truth.
      }
    };
    open();
    document.addEventListener("visibilitychange", open);
    return () => {
      document.removeEventListener("visibilitychange", open);
      close();
    };
  }, [wanted]);
}
