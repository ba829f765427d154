// What changes by itself, for screen readers: at most one sentence in 10 seconds.
import { useEffect, useRef, useState } from "preact/hooks";

const PAUSE_MS = 10_000;

/** Says `text` when it changes; what comes within 10 seconds waits, and only the last of it is said. */
export function Announce({ text }: { text: string }) {
  const [said, setSaid] = useState("");
  const last = useRef(0);
  useEffect(() => {
    const wait = Math.max(0, last.current + PAUSE_MS - Date.now());
    const timer = setTimeout(() => {
      last.current = Date.now();
      setSaid(text);
    }, wait);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <div class="hidden" aria-live="polite" aria-atomic="true">
      {said}
    </div>
  );
}
