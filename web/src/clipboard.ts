/**
 * One clipboard for the desktop and the browser's machine, plain text, as far
 * as the browser allows. What it does not allow is offered to the person.
 */

import type { Clock } from "./clock.ts";

/** The browser's clipboard. */
export interface SystemClipboard {
  /** Resolves when readable knows. */
  readonly asked: Promise<void>;
  /** Whether read would work without asking the person. */
  readable(): boolean;
  read(): Promise<string>;
  write(text: string): Promise<void>;
}

export interface ClipboardListener {
  /** Sends a text to the desktop; false when it cannot be sent now. */
  send(text: string): boolean;
  /** Resolves when the desktop has what was sent. */
  sent(): Promise<void>;
  /** The shared text is another one; offered: the browser did not take it, the person has to fetch it. */
  changed(text: string, offered: boolean): void;
  /** The text is larger than the server takes. */
  tooLarge(): void;
}

/** The most that goes to the desktop: 1 MiB in UTF-8. */
const MAX_BYTES = 1 << 20;
/** How long a paste may wait for the browser to tell its clipboard, in ms. */
const PASTE = 100;

/** Windows ends lines by CR LF, the desktop by LF. */
const normal = (text: string): string => text.replace(/\r\n/g, "\n");

/** Joins the pieces in which the desktop's clipboard comes. */
export class Pieces {
  private text = "";
  private overlong = false;

  /** Takes a piece; returns the whole text with the last one, null before that and where it is longer than allowed. */
  add(piece: string, more: boolean): string | null {
    this.overlong ||= this.text.length + piece.length > MAX_BYTES;
    this.text = this.overlong ? "" : this.text + piece;
    if (more) return null;
    const whole = this.overlong ? null : this.text;
    this.clear();
    return whole;
  }

  /** No piece that follows belongs to those so far. */
  clear(): void {
    this.text = "";
    this.overlong = false;
  }
}

export class Clipboard {
  /** The newest text that either side has told of. */
  private shared = "";
  /** The desktop may no longer have it. */
  private lost = false;
  /**
   * What the browser's clipboard held when it was last read or written. Only
   * another text in there is news: the same one may be older than what the
   * desktop has copied since.
   */
  private seen: string | null = null;
  private unwritten: string | null = null;
  private pastes: ((text: string) => void)[] = [];

  constructor(
    private readonly clock: Clock,
    private readonly system: SystemClipboard | null,
    private readonly listener: ClipboardListener,
  ) {}

  /** What both sides have, or would have if the browser allowed it. */
  get text(): string {
    return this.shared;
  }

  /** The desktop may have lost its clipboard, or never have got it: the same text counts as new. */
  forget(): void {
    this.lost = true;
  }

  /** The desktop has copied a text. */
  async fromDesktop(text: string): Promise<void> {
    this.lost = false;
    if (normal(text) === this.shared) return;
    this.shared = normal(text);
    this.unwritten = text;
    this.listener.changed(this.shared, !(await this.write()));
  }

  /** The person has done something, which may be what the browser wants to see before it takes a text. */
  async gesture(): Promise<void> {
    if (this.unwritten !== null && (await this.write())) this.listener.changed(this.shared, false);
  }

  /** Sends a text to the desktop, as the person has asked; says whether it was sent. */
  share(text: string): boolean {
    const content = normal(text);
    if (content === "") return false;
    if (content.length > MAX_BYTES || new TextEncoder().encode(content).length > MAX_BYTES) {
      this.listener.tooLarge();
      return false;
    }
    if (!this.listener.send(content)) return false;
    this.lost = false;
    this.shared = content;
    this.unwritten = null;
    this.listener.changed(content, false);
    return true;
  }

  /** Writes a text to the browser's clipboard, as the person has asked; says whether the browser took it. */
  async copy(text: string): Promise<boolean> {
    try {
      if (!this.system) return false;
      await this.system.write(text);
    } catch {
      return false;
    }
    this.copied(text);
    return true;
  }

  /** The person has copied a text in the page itself. */
  copied(text: string): void {
    this.seen = normal(text);
    if (this.seen === this.shared) this.unwritten = null;
  }

  /** The browser has told its clipboard in a paste event. */
  pasted(text: string): void {
    const waiting = this.pastes.splice(0);
    if (waiting.length === 0) this.fromBrowser(text);
    for (const resolve of waiting) resolve(text);
  }

  /** A program on the desktop is about to paste: resolves when the desktop has the browser's clipboard. */
  async beforePaste(): Promise<void> {
    const text = await new Promise<string>((resolve) => {
      this.clock.after(PASTE, () => resolve(""));
      this.pastes.push(resolve);
      if (this.system?.readable()) this.system.read().then(resolve, () => {});
    });
    this.pastes = [];
    if (this.fromBrowser(text)) await this.listener.sent();
  }

  /** The tab has the focus: takes what was copied elsewhere, if that needs no question. */
  async focused(): Promise<void> {
    await this.system?.asked;
    if (!this.system?.readable()) return;
    try {
      if (!this.fromBrowser(await this.system.read())) await this.gesture();
    } catch {
      // The focus has gone again; the next one tries again.
    }
  }

  /** Takes what the browser's clipboard holds; says whether it was sent to the desktop. */
  private fromBrowser(text: string): boolean {
    const content = normal(text);
    const known = content === this.seen || content === this.shared;
    const sent = (!known || this.lost) && this.share(content);
    if (known || sent) this.seen = content;
    return sent;
  }

  private async write(): Promise<boolean> {
    const text = this.unwritten;
    return text === null || (await this.copy(text));
  }
}

/** The browser's clipboard, or null where there is none (a page that did not come by HTTPS). */
export function browserClipboard({ clipboard, permissions }: Navigator): SystemClipboard | null {
  if (!clipboard?.writeText) return null;
  let permission: PermissionStatus | null = null;
  const ask = async () => {
    try {
      permission = await permissions.query({ name: "clipboard-read" as PermissionName });
    } catch {
      // A browser without this permission asks at each read: it is not read unasked.
    }
  };
  return {
    asked: ask(),
    readable: () => permission?.state === "granted" && document.hasFocus(),
    read: () => clipboard.readText(),
    write: (text) => clipboard.writeText(text),
  };
}
