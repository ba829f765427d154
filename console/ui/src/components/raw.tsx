// Text that others chose, such as a key or a server's error.
import { pieces } from "../visible";

/** The text alone decides its direction; characters that are not seen are shown as escapes. */
export function Raw({ text }: { text: string }) {
  return <bdi>{pieces(text).map(({ text, escape }) => (escape ? <span class="escape">{text}</span> : text))}</bdi>;
}

/** An error as a program wrote it: in English, beside the page's own words. */
export function Quote({ text }: { text: string }) {
  return (
    <p class="quote" lang="en">
      <Raw text={text} />
    </p>
  );
}
