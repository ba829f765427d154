// Reading from the API: the last answer stays on the page while a new one is asked for, and after one failed.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { type Problem, problemOf } from "./problem";

export interface Query<T> {
  /** The last answer. */
  data: T | undefined;
  /** Why the last request failed; it is gone after the next success. */
  problem: Problem | undefined;
  reload: () => void;
  /** Whether `data` is the answer to an earlier key, which stays until there is a new one. */
  stale: boolean;
  /** Changes the answer, if there is one, by what came another way: a live event. */
  change: (change: (data: T) => T) => void;
}

interface Options {
  /** Seconds between two requests; none: it is read once. Nothing is read while the page is hidden. */
  every?: number;
  /** Whether to read at all. */
  when?: boolean;
  /** What the data are of: while it stays the same, the last answer is kept when the key changes. */
  keep?: string;
}

interface State<T> {
  key: string;
  keep: string;
  data?: T;
  problem?: Problem;
}

/**
 * Reads `read()` whenever `key` changes. An answer to an earlier key is dropped: a slow one never replaces a newer one.
 * Requests of one query never overlap, so a slow server gets no second request on top of the first.
 */
export function useQuery<T>(key: string, read: (signal: AbortSignal) => Promise<T>, options: Options = {}): Query<T> {
  const { every, when = true, keep = key } = options;
  const [state, setState] = useState<State<T>>({ key, keep });
  const [turn, setTurn] = useState(0);
  const reader = useRef(read);
  reader.current = read;

  useEffect(() => {
    if (!when) return;
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let asking = false;
    const again = () => {
      if (every && !abort.signal.aborted) timer = setTimeout(step, every * 1000);
    };
    const step = async () => {
      if (document.hidden && every) return again();
      asking = true;
      try {
        const data = await reader.current(abort.signal);
        if (!abort.signal.aborted) setState({ key, keep, data });
      } catch (error) {
        if (abort.signal.aborted) return;
        const problem = problemOf(error);
        setState((last) => ({
          key,
          keep,
          problem,
          ...(last.keep === keep && last.data !== undefined ? { data: last.data } : {}),
        }));
      }
      asking = false;
      again();
    };
    void step();
    const visible = () => {
      if (document.hidden || !every || asking) return;
      clearTimeout(timer);
      void step();
    };
    document.addEventListener("visibilitychange", visible);
    return () => {
      abort.abort();
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", visible);
    };
  }, [key, keep, every, when, turn]);

  const reload = useCallback(() => setTurn((turn) => turn + 1), []);
  const change = useCallback(
    (change: (data: T) => T) =>
      setState((last) => (last.keep === keep && last.data !== undefined ? { ...last, data: change(last.data) } : last)),
    [keep],
  );
  const isOf = state.keep === keep;
  const stale = isOf && state.key !== key;
  const data = isOf ? state.data : undefined;
  return { data, problem: isOf && !stale ? state.problem : undefined, stale, reload, change };
}
