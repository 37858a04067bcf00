/** What a clipboard holds, and its representations as bytes. */

export type Bytes = Uint8Array<ArrayBuffer>;

/** Representations of one thing; empty or null where there is none of a kind. */
export interface Content {
  text: string;
  html: string;
  /** A PNG. */
  picture: Bytes | null;
}

export const NOTHING: Content = { text: "", html: "", picture: null };

/** One representation on its way. */
export interface Item {
  mime: string;
  bytes: Bytes;
}

/** A content of a text alone. */
export const plain = (text: string): Content => ({ ...NOTHING, text });

export const isEmpty = ({ text, html, picture }: Content): boolean => text === "" && html === "" && !picture?.length;

/** Windows ends lines by CR LF, the desktop by LF; the rest is as it was. */
export const normal = (content: Content): Content => ({ ...content, text: content.text.replace(/\r\n/g, "\n") });

/** The content as what is sent. */
export function pack({ text, html, picture }: Content): Item[] {
  const encoder = new TextEncoder();
  const items = [
    { mime: "text/plain", bytes: encoder.encode(text) },
    { mime: "text/html", bytes: encoder.encode(html) },
    { mime: "image/png", bytes: picture ?? new Uint8Array() },
  ];
  return items.filter(({ bytes }) => bytes.length > 0);
}

/** The content that was sent; what is of no type that the page knows is left out. */
export function unpack(items: readonly Item[]): Content {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const content = { ...NOTHING };
  for (const { mime, bytes } of items) {
    if (mime === "text/plain") content.text = decoder.decode(bytes);
    else if (mime === "text/html") content.html = decoder.decode(bytes);
    else if (mime === "image/png") content.picture = bytes;
  }
  return content;
}

export function equal(a: Content, b: Content): boolean {
  return a.text === b.text && a.html === b.html && sameBytes(a.picture, b.picture);
}

function sameBytes(a: Bytes | null, b: Bytes | null): boolean {
  if (a === b) return true;
  if (!a || !b || a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
