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

/** Opens one stream while the component is shown. The browser reopens it by itself, from the last event on. */
export function useStream({ tasks = [], runs = [], onEvent }: Watch): void {
  const handler = useRef(onEvent);
  handler.current = onEvent;
  const query = new URLSearchParams();
  if (tasks.length) query.set("tasks", tasks.join(","));
  if (runs.length) query.set("runs", runs.join(","));
  const wanted = query.toString();
  useEffect(() => {
    if (!wanted || typeof EventSource === "undefined") return;
    const source = new EventSource(`/api/v1/stream?${wanted}`);
    const listen = (kind: "task" | "run" | "operation") =>
      source.addEventListener(kind, (event) => {
        try {
          handler.current(kind, JSON.parse((event as MessageEvent<string>).data));
        } catch {
          // An event that cannot be read changes nothing; the next question to the API has the truth.
        }
      });
    (["task", "run", "operation"] as const).forEach(listen);
    source.onopen = () => (streaming.value = true);
    source.onerror = () => (streaming.value = false);
    return () => {
      source.close();
      streaming.value = false;
    };
  }, [wanted]);
}
