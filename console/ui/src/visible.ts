// Text that others chose: keys, names, errors. Characters that hide, or that turn the order of others, are shown as escapes.

/**
 * Control characters, marks of direction and characters without width. The joiners of emoji and of some scripts
 * (U+200C, U+200D) are text.
 */
// eslint-disable-next-line no-control-regex
const HIDDEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]/gu;
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/;

const NAMED: Record<string, string> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

function escaped(character: string): string {
  return NAMED[character] ?? `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}

export interface Piece {
  text: string;
  /** Whether the text is the escape of a character. */
  escape: boolean;
}

/** A text in pieces, of which some stand for a character that is not seen. */
export function pieces(text: string): Piece[] {
  const found: Piece[] = [];
  let from = 0;
  for (const match of text.matchAll(HIDDEN)) {
    if (match.index > from) found.push({ text: text.slice(from, match.index), escape: false });
    found.push({ text: escaped(match[0]), escape: true });
    from = match.index + match[0].length;
  }
  if (from < text.length) found.push({ text: text.slice(from), escape: false });
  return found;
}

/** A text for a place that takes no elements. If `isolated`, its letters from right to left do not turn the words around. */
export function visible(text: string, isolated = true): string {
  const shown = text.replace(HIDDEN, escaped);
  return isolated && RIGHT_TO_LEFT.test(shown) ? `\u2068${shown}\u2069` : shown;
}
