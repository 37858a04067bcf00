/**
 * X keysyms (X Protocol, appendix A; names as in X11/keysymdef.h) of what
 * KeyboardEvent.key says: a character, or the name of a key (W3C UI Events key).
 */

/** The part of a KeyboardEvent that decides its keysym. */
export interface KeyLike {
  key: string;
  location: number;
}

const RIGHT = 2;
const NUMPAD = 3;

/** The keysym of a Unicode character: Latin-1 is itself, others are 0x01000000 + code point. */
export function ofCodePoint(point: number): number {
  const latin1 = (point >= 0x20 && point <= 0x7e) || (point >= 0xa0 && point <= 0xff);
  return latin1 ? point : 0x01000000 + point;
}

/**
 * Whether a key acts by being held: Shift, Control, Meta, Alt, Super, Hyper, AltGr; no lock.
 * Its code (KeyboardEvent.code) decides where it has no keysym, 0.
 */
export function isModifier({ keysym, code }: { keysym: number; code: string }): boolean {
  if (keysym === 0) return /^(Shift|Control|Alt|Meta)(Left|Right)$/.test(code);
  const lock = keysym === 0xffe5 || keysym === 0xffe6;
  return (keysym >= 0xffe1 && keysym <= 0xffee && !lock) || keysym === 0xfe03;
}

/** The keysyms of a text, character by character; line breaks are Return, tabulators Tab. */
export function ofText(text: string): number[] {
  const syms: number[] = [];
  for (const char of text.replace(/\r\n?/g, "\n")) {
    const point = char.codePointAt(0) ?? 0;
    if (char === "\n") syms.push(0xff0d);
    else if (char === "\t") syms.push(0xff09);
    else if (point >= 0x20 && point !== 0x7f) syms.push(ofCodePoint(point));
  }
  return syms;
}

/** The keysym of a key event; 0 when X has none for it ("Unidentified", "Dead", "Process"). */
export function ofKey({ key, location }: KeyLike): number {
  const point = key.codePointAt(0) ?? 0;
  const isCharacter = key.length > 0 && key.length === String.fromCodePoint(point).length;
  if (location === NUMPAD) {
    const sym = isCharacter ? keypadCharacters.get(key) : keypad.get(key);
    if (sym !== undefined) return sym;
  }
  if (isCharacter) return point < 0x20 || point === 0x7f ? 0 : ofCodePoint(point);
  if (location === RIGHT) {
    const sym = right.get(key);
    if (sym !== undefined) return sym;
  }
  const number = /^F([1-9]\d?)$/.exec(key)?.[1];
  if (number && Number(number) <= 35) return 0xffbd + Number(number);
  return named.get(key) ?? 0;
}

/** A table by name that has nothing but its own names. */
function table(entries: Record<string, number>): ReadonlyMap<string, number> {
  return new Map(Object.entries(entries));
}

const keypadCharacters = table({
  "0": 0xffb0, "1": 0xffb1, "2": 0xffb2, "3": 0xffb3, "4": 0xffb4,
  "5": 0xffb5, "6": 0xffb6, "7": 0xffb7, "8": 0xffb8, "9": 0xffb9,
  "*": 0xffaa, "+": 0xffab, "-": 0xffad, ".": 0xffae, "/": 0xffaf, "=": 0xffbd,
  ",": 0xffac, // KP_Separator
});

const keypad = table({
  Enter: 0xff8d,
  Home: 0xff95,
  ArrowLeft: 0xff96,
  ArrowUp: 0xff97,
  ArrowRight: 0xff98,
  ArrowDown: 0xff99,
  PageUp: 0xff9a,
  PageDown: 0xff9b,
  End: 0xff9c,
  Clear: 0xff9d, // KP_Begin: 5 without Num Lock
  Insert: 0xff9e,
  Delete: 0xff9f,
});

const right = table({
  Shift: 0xffe2,
  Control: 0xffe4,
  Meta: 0xffec, // Super_R: what browsers call Meta is the Windows or command key
  Alt: 0xffea,
  Super: 0xffec,
  Hyper: 0xffee,
});

const named = table({
  Backspace: 0xff08,
  Tab: 0xff09,
  Clear: 0xff0b,
  Enter: 0xff0d,
  Pause: 0xff13,
  ScrollLock: 0xff14,
  Escape: 0xff1b,
  Delete: 0xffff,
  Home: 0xff50,
  ArrowLeft: 0xff51,
  ArrowUp: 0xff52,
  ArrowRight: 0xff53,
  ArrowDown: 0xff54,
  PageUp: 0xff55,
  PageDown: 0xff56,
  End: 0xff57,
  Select: 0xff60,
  PrintScreen: 0xff61,
  Execute: 0xff62,
  Insert: 0xff63,
  Undo: 0xff65,
  Redo: 0xff66,
  ContextMenu: 0xff67,
  Find: 0xff68,
  Cancel: 0xff69,
  Help: 0xff6a,
  NumLock: 0xff7f,

  Shift: 0xffe1,
  Control: 0xffe3,
  CapsLock: 0xffe5,
  Meta: 0xffeb,
  Alt: 0xffe9,
  Super: 0xffeb,
  Hyper: 0xffed,
  AltGraph: 0xfe03, // ISO_Level3_Shift

  // Input methods
  Compose: 0xff20,
  KanjiMode: 0xff21,
  NonConvert: 0xff22,
  Convert: 0xff23,
  Romaji: 0xff24,
  Hiragana: 0xff25,
  Katakana: 0xff26,
  HiraganaKatakana: 0xff27,
  Zenkaku: 0xff28,
  Hankaku: 0xff29,
  ZenkakuHankaku: 0xff2a,
  KanaMode: 0xff2d,
  Eisu: 0xff2f,
  Alphanumeric: 0xff30,
  HangulMode: 0xff31,
  HanjaMode: 0xff34,
  CodeInput: 0xff37,
  SingleCandidate: 0xff3c,
  AllCandidates: 0xff3d,
  PreviousCandidate: 0xff3e,
  ModeChange: 0xff7e,
  GroupNext: 0xfe08,
  GroupPrevious: 0xfe0a,
  GroupFirst: 0xfe0c,
  GroupLast: 0xfe0e,

  // XF86keysym.h
  BrightnessUp: 0x1008ff02,
  BrightnessDown: 0x1008ff03,
  Standby: 0x1008ff10,
  AudioVolumeDown: 0x1008ff11,
  AudioVolumeMute: 0x1008ff12,
  AudioVolumeUp: 0x1008ff13,
  MediaPlay: 0x1008ff14,
  MediaPlayPause: 0x1008ff14,
  MediaStop: 0x1008ff15,
  MediaTrackPrevious: 0x1008ff16,
  MediaTrackNext: 0x1008ff17,
  BrowserHome: 0x1008ff18,
  LaunchMail: 0x1008ff19,
  MediaRecord: 0x1008ff1c,
  BrowserSearch: 0x1008ff1b,
  BrowserBack: 0x1008ff26,
  BrowserForward: 0x1008ff27,
  BrowserStop: 0x1008ff28,
  BrowserRefresh: 0x1008ff29,
  PowerOff: 0x1008ff2a,
  WakeUp: 0x1008ff2b,
  Eject: 0x1008ff2c,
  Sleep: 0x1008ff2f,
  BrowserFavorites: 0x1008ff30,
  MediaPause: 0x1008ff31,
  MediaRewind: 0x1008ff3e,
  Copy: 0x1008ff57,
  Cut: 0x1008ff58,
  Close: 0x1008ff56,
  New: 0x1008ff68,
  Open: 0x1008ff6b,
  Paste: 0x1008ff6d,
  Save: 0x1008ff77,
  ZoomIn: 0x1008ff8b,
  ZoomOut: 0x1008ff8c,
  MediaFastForward: 0x1008ff97,
});
