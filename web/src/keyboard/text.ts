/** Text for the desktop that no key stands for. */

import { MAX_TEXT } from "../wire.ts";

/** Line breaks as \n, and no other control character than \t (Unicode Cc). */
const clean = (text: string): string => text.replace(/\r\n?/g, "\n").replace(/[^\P{Cc}\n\t]/gu, "");

/**
 * The text in pieces that a message carries each, cut between what people take
 * for characters; one of those that is larger is cut between code points.
 */
export function pieces(text: string): string[] {
  const encoder = new TextEncoder();
  const made: string[] = [];
  let piece = "";
  let size = 0;
  const add = (part: string, bytes: number) => {
    if (size + bytes > MAX_TEXT) {
      made.push(piece);
      piece = "";
      size = 0;
    }
    piece += part;
    size += bytes;
  };
  for (const grapheme of graphemes(clean(text))) {
    const bytes = encoder.encode(grapheme).length;
    if (bytes <= MAX_TEXT) add(grapheme, bytes);
    else for (const point of grapheme) add(point, encoder.encode(point).length);
  }
  if (piece) made.push(piece);
  return made;
}

function graphemes(text: string): Iterable<string> {
  if (typeof Intl.Segmenter !== "function") return text;
  return Array.from(new Intl.Segmenter().segment(text), ({ segment }) => segment);
}
