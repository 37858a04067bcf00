/** What the person has chosen: remembered by the browser, but for what the page's address asks for. */

import { readCodec, type Codec } from "./codec.ts";
import type { ResizeMode } from "./geometry.ts";

export interface Settings {
  /** The codec to prefer; "" for the server's choice. */
  codec: Codec | "";
  /** The most that the video may take, bits a second; 0: no limit. */
  bitrate: number;
  /** Frames a second at most; 0: no limit. */
  maxFPS: number;
  /** The only path of the picture; "auto" for the best. */
  transport: "auto" | "ws" | "webrtc";
  resize: ResizeMode;
  /** The desktop's resolution follows the tab's device pixel ratio. */
  dpi: boolean;
  /** Whether keys count by their place or by what they type; "auto": by their place where the layouts agree. */
  keyboard: "auto" | "physical" | "text";
  /** The layout of the person's keyboard, as XKB names it, its variant behind a space ("ch fr"); "" as detected. */
  layout: string;
  /** What ⌘ is for the desktop. */
  command: "ctrl" | "super";
  /** In full screen the browser's own shortcuts go to the desktop, where the browser lets them. */
  lock: boolean;
  /** A locked pointer moves without the system's acceleration, where the browser can. */
  raw: boolean;
  /** What is copied on one side can be pasted on the other. */
  clipboard: boolean;
  /** So can what is selected on the desktop. */
  primary: boolean;
  /** "" for the browser's. */
  language: "" | "en" | "fr";
  /** "" for the system's. */
  theme: "" | "light" | "dark";
  /** The statistics are shown. */
  stats: boolean;
}

/** The name under which the browser remembers them: for its origin, whichever desktops there are. */
const KEY = "lucarne.settings";

/** Reads a value that may be anything; undefined when it is none of the setting's. */
type Read<T> = (value: unknown) => T | undefined;

const flag: Read<boolean> = (value) => (typeof value === "boolean" ? value : undefined);
const oneOf =
  <T extends string>(...known: T[]): Read<T> =>
  (value) =>
    known.find((one) => one === value);
const upTo =
  (most: number): Read<number> =>
  (value) =>
    typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= most ? value : undefined;
const codec: Read<Codec | ""> = (value) =>
  value === "" ? "" : (typeof value === "string" && readCodec(value)) || undefined;
const layout: Read<string> = (value) =>
  typeof value === "string" && /^([a-z]{2,12}( [a-z0-9_-]{1,24})?)?$/.test(value) ? value : undefined;

const readers: { [K in keyof Settings]: Read<Settings[K]> } = {
  codec,
  bitrate: upTo(1e9),
  maxFPS: upTo(240),
  transport: oneOf("auto", "ws", "webrtc"),
  resize: oneOf<ResizeMode>("remote", "scale", "off"),
  dpi: flag,
  keyboard: oneOf("auto", "physical", "text"),
  layout,
  command: oneOf("ctrl", "super"),
  lock: flag,
  raw: flag,
  clipboard: flag,
  primary: flag,
  language: oneOf("", "en", "fr"),
  theme: oneOf("", "light", "dark"),
  stats: flag,
};

/** What holds where nothing else has been chosen. */
export function defaults(mac = false): Settings {
  return {
    codec: "",
    bitrate: 0,
    maxFPS: 0,
    transport: "auto",
    resize: "remote",
    dpi: true,
    keyboard: "auto",
    layout: "",
    command: mac ? "ctrl" : "super",
    lock: true,
    raw: false,
    clipboard: true,
    primary: false,
    language: "",
    theme: "",
    stats: false,
  };
}

/** The settings in something that may be anything; what is unknown or broken is as if absent. */
export function readSettings(from: unknown): Partial<Settings> {
  if (typeof from !== "object" || from === null) return {};
  const read: Record<string, unknown> = {};
  for (const [name, reader] of Object.entries(readers)) {
    const value = Object.hasOwn(from, name) ? reader((from as Record<string, unknown>)[name]) : undefined;
    if (value !== undefined) read[name] = value;
  }
  return read;
}

export class SettingsStore {
  private now: Settings;
  private readonly listeners = new Set<(now: Settings, before: Settings) => void>();

  /**
   * storage remembers; null where the browser lets none be had. asked is what the address asks for: it goes
   * before what is remembered, and is not remembered itself. mac: the person's keyboard has ⌘.
   */
  constructor(
    private readonly storage: Pick<Storage, "getItem" | "setItem" | "removeItem"> | null,
    private readonly asked: Partial<Settings> = {},
    private readonly mac = false,
  ) {
    this.now = { ...defaults(mac), ...this.remembered(), ...asked };
  }

  /** What holds; a fresh object after each change. */
  get value(): Settings {
    return this.now;
  }

  /** The person has chosen: it holds at once and is remembered, also where the address had asked for something else. */
  set(part: Partial<Settings>): void {
    const chosen = readSettings(part);
    // Another tab may have remembered something meanwhile: that is kept.
    this.remember({ ...this.remembered(), ...chosen });
    this.change({ ...this.now, ...chosen });
  }

  /** Forgets what has been chosen. What the address asks for holds again. */
  reset(): void {
    this.remember(null);
    this.change({ ...defaults(this.mac), ...this.asked });
  }

  /** Calls listener after each change, until what is returned is called. */
  onChange(listener: (now: Settings, before: Settings) => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  private change(now: Settings): void {
    const before = this.now;
    const same = (Object.keys(now) as (keyof Settings)[]).every((name) => now[name] === before[name]);
    if (same) return;
    this.now = now;
    for (const listener of [...this.listeners]) listener(now, before);
  }

  private remembered(): Partial<Settings> {
    try {
      return readSettings(JSON.parse(this.storage?.getItem(KEY) ?? "null"));
    } catch {
      return {};
    }
  }

  private remember(settings: Partial<Settings> | null): void {
    try {
      if (settings) this.storage?.setItem(KEY, JSON.stringify(settings));
      else this.storage?.removeItem(KEY);
    } catch {
      // A full or forbidden storage: the choice holds for as long as the page lives.
    }
  }
}

/** The browser's storage, null where it must not be used: reading the property alone may throw. */
export function browserStorage(scope: { readonly localStorage: Storage } = globalThis): Storage | null {
  try {
    return scope.localStorage;
  } catch {
    return null;
  }
}
