/** What is used of a KeyboardEvent, and what it says by itself. */

/** The part of a KeyboardEvent that is used. */
export interface KeyStroke {
  code: string;
  key: string;
  location: number;
  repeat: boolean;
  metaKey: boolean;
  timeStamp: number;
  getModifierState(name: string): boolean;
}

export type Platform = "windows" | "mac" | "other";

/** The viewer's platform, as far as the keyboard differs. */
export function platformOf(navigator: Pick<Navigator, "platform">): Platform {
  if (/^Win/.test(navigator.platform)) return "windows";
  return /^(Mac|iP)/.test(navigator.platform) ? "mac" : "other";
}

const modifiers = new Set(["Shift", "Control", "Alt", "Meta", "AltGraph", "Super", "Hyper", "Fn", "Symbol"]);

/** Whether a key acts by being held with others. */
export function isModifier({ key }: Pick<KeyStroke, "key">): boolean {
  return modifiers.has(key);
}

/** Whether a key switches a lock. */
export function isLock({ key }: Pick<KeyStroke, "key">): boolean {
  return /^(Caps|Num|Scroll|Fn|Symbol)Lock$/.test(key);
}

/** The one character that a key types; "" when it types none, or may type more. */
export function characterOf({ key }: Pick<KeyStroke, "key">): string {
  const point = key.codePointAt(0) ?? 0;
  return point >= 0x20 && point !== 0x7f && key.length === String.fromCodePoint(point).length ? key : "";
}

/** Whether a stroke asks a program to copy or to cut, by the customs of the desktop or of the viewer's platform. */
export function isCopy(stroke: KeyStroke): boolean {
  const control = stroke.getModifierState("Control") || stroke.metaKey;
  return !stroke.repeat && control && (/^[cx]$/i.test(stroke.key) || stroke.key === "Insert");
}

/** What a stroke types without a modifier; "" where that cannot be told. */
export function plainOf(stroke: KeyStroke): string {
  const character = characterOf(stroke);
  if (!/^(Key|Digit|Bracket|Intl|Semicolon|Quote|Back|Minus|Equal|Comma|Period|Slash)/.test(stroke.code)) return "";
  const altered = ["Control", "Alt", "AltGraph", "Meta"].some((name) => stroke.getModifierState(name));
  const cased = stroke.getModifierState("Shift") || stroke.getModifierState("CapsLock");
  // A capital letter has its small one on the same key, if that is not a digit's.
  if (altered || (cased && !/^[a-z]$/i.test(character))) return "";
  return character.toLowerCase();
}

/** Whether a stroke asks a program to paste, by the customs of the desktop or of the viewer's platform. */
export function isPaste(stroke: KeyStroke): boolean {
  const control = stroke.getModifierState("Control") || stroke.metaKey;
  const shift = stroke.getModifierState("Shift");
  const latin = /\p{Script=Latin}/u.test(stroke.key);
  const v = stroke.key === "v" || stroke.key === "V" || (stroke.code === "KeyV" && !latin && /^\p{L}$/u.test(stroke.key));
  return !stroke.repeat && ((control && v) || (shift && stroke.key === "Insert"));
}
