/**
 * One clipboard for the desktop and the browser's machine, plain text, as far
 * as the browser allows. What it does not allow is offered to the person.
 */

import type { Clock } from "./clock.ts";

/** The browser's clipboard. */
export interface SystemClipboard {
  /** Whether read would work without asking the person. */
  readable(): boolean;
  read(): Promise<string>;
  write(text: string): Promise<void>;
}

export interface ClipboardListener {
  /** Sends a text to the desktop. */
  send(text: string): void;
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

export class Clipboard {
  private shared = "";
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

  /** The desktop has copied a text. */
  async fromDesktop(text: string): Promise<void> {
    if (normal(text) === this.shared) return;
    this.shared = normal(text);
    this.unwritten = text;
    this.listener.changed(this.shared, !(await this.write()));
  }

  /** The person has done something, which may be what the browser wants to see before it takes a text. */
  async gesture(): Promise<void> {
    if (this.unwritten !== null && (await this.write())) this.listener.changed(this.shared, false);
  }

  /** Sends a text to the desktop, unless it has it; says whether it was sent. */
  toDesktop(text: string): boolean {
    const content = normal(text);
    if (content === "" || content === this.shared) return false;
    if (content.length > MAX_BYTES || new TextEncoder().encode(content).length > MAX_BYTES) {
      this.listener.tooLarge();
      return false;
    }
    this.shared = content;
    this.unwritten = null;
    this.listener.send(content);
    this.listener.changed(content, false);
    return true;
  }

  /** The browser has told its clipboard in a paste event. */
  pasted(text: string): void {
    const waiting = this.pastes.splice(0);
    if (waiting.length === 0) this.toDesktop(text);
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
    if (this.toDesktop(text)) await this.listener.sent();
  }

  /** The tab has the focus: takes what was copied elsewhere, if that needs no question. */
  async focused(): Promise<void> {
    if (!this.system?.readable()) return;
    try {
      this.toDesktop(await this.system.read());
    } catch {
      // The focus has gone again; the next one tries again.
    }
  }

  private async write(): Promise<boolean> {
    const text = this.unwritten;
    if (text === null) return true;
    try {
      if (!this.system) return false;
      await this.system.write(text);
    } catch {
      return false;
    }
    if (this.unwritten === text) this.unwritten = null;
    return true;
  }
}

/** The browser's clipboard, or null where there is none (a page that did not come by HTTPS). */
export async function browserClipboard(navigator: Navigator): Promise<SystemClipboard | null> {
  const { clipboard } = navigator;
  if (!clipboard?.writeText) return null;
  let permission: PermissionStatus | null = null;
  try {
    permission = await navigator.permissions.query({ name: "clipboard-read" as PermissionName });
  } catch {
    // A browser without this permission asks at each read: it is not read unasked.
  }
  return {
    readable: () => permission?.state === "granted" && document.hasFocus(),
    read: () => clipboard.readText(),
    write: (text) => clipboard.writeText(text),
  };
}
