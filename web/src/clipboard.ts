/**
 * One clipboard for the desktop and the browser's machine: text, HTML and pictures, as far
 * as the browser allows. What it does not allow is offered to the person.
 */

import { equal, isEmpty, normal, NOTHING, type Content } from "./clipboard/content.ts";
import type { Pictures } from "./clipboard/pictures.ts";
import type { SystemClipboard } from "./clipboard/system.ts";
import type { Clock } from "./clock.ts";

export interface ClipboardListener {
  /** Sends a content to the desktop, if that is possible now; resolves with whether the desktop has it. */
  send(content: Content): Promise<boolean>;
  /** The shared content is another one; offered: the browser did not take it, the person has to fetch it. */
  changed(content: Content, offered: boolean): void;
  /** A picture of the desktop's cannot be decoded. */
  broken(): void;
}

/** How long a paste may wait for the browser to tell its clipboard, in ms; longer where it is read. */
const PASTE = 100;
const READ = 1000;
/** How long after the gesture that copies the desktop's content may come, in ms. */
const COPY = 3000;

export class Clipboard {
  /** Whether the clipboards are shared by themselves. */
  on = true;
  /** The newest content that either side has told of, and whether it is the desktop's. */
  private shared = NOTHING;
  private theirs = false;
  /** The desktop may no longer have it. */
  private lost = false;
  /**
   * What the browser's clipboard held when it was last read or written, and whether the page
   * wrote it: the browser may have made something a little different of that. Only another
   * content in there is news: the same one may be older than what the desktop has copied since.
   */
  private seen: Content | null = null;
  private written = false;
  private unwritten: Content | null = null;
  private awaited: ((content: Content) => void) | null = null;
  private pastes: ((content: Promise<Content | null>) => void)[] = [];
  /** What is on its way to the desktop. */
  private sending: { content: Content; there: Promise<boolean> } | null = null;
  /** Counts what the desktop has copied. */
  private copies = 0;

  constructor(
    private readonly clock: Clock,
    private readonly system: SystemClipboard,
    private readonly pictures: Pictures,
    private readonly listener: ClipboardListener,
  ) {}

  /** What both sides have, or would have if the browser allowed it. */
  get content(): Content {
    return this.shared;
  }

  /** The desktop may have lost its clipboard, or never have got it: the same content counts as new. */
  forget(): void {
    this.lost = true;
  }

  /** The desktop has copied something. */
  async fromDesktop(copied: Content): Promise<void> {
    const turn = ++this.copies;
    let content = normal(copied);
    if (content.picture && !(await this.pictures.decodes(content.picture))) {
      content = { ...content, picture: null };
      this.listener.broken();
    }
    if (turn !== this.copies || isEmpty(content)) return;
    this.lost = false;
    if (equal(content, this.shared)) return;
    this.shared = this.unwritten = content;
    this.theirs = true;
    if (this.awaited) {
      this.awaited(content);
      return this.listener.changed(content, false);
    }
    this.listener.changed(content, this.on && !(await this.write()));
  }

  /** The person has done something, which may be what the browser wants to see before it takes a content. */
  async gesture(): Promise<void> {
    if (this.on && this.unwritten !== null && (await this.write())) this.listener.changed(this.shared, false);
  }

  /** The person copies in a program: some browsers want to be told now of what is to come. */
  copying(): void {
    if (!this.on || !this.system.writeLater) return;
    const coming = new Promise<Content>((resolve, reject) => {
      const late = this.clock.after(COPY, () => {
        this.awaited = null;
        reject(new Error("nothing was copied"));
      });
      this.awaited = (content) => {
        late();
        this.awaited = null;
        resolve(content);
      };
    });
    const write = this.system.writeLater(coming.then(({ text }) => text || Promise.reject(new Error("no text"))));
    void Promise.all([coming, write]).then(
      ([content]) => {
        this.wrote({ ...NOTHING, text: content.text });
        // The rest of it waits for a gesture.
        if (!content.html && !content.picture && this.unwritten === content) this.unwritten = null;
      },
      () => {},
    );
  }

  /** Sends a content to the desktop, as the person has asked; resolves with whether it is there. */
  async share(given: Content): Promise<boolean> {
    const content = normal(given);
    if (isEmpty(content)) return false;
    if (this.sending && equal(this.sending.content, content)) return this.sending.there;
    const sending = { content, there: this.listener.send(content) };
    this.sending = sending;
    const there = await sending.there;
    if (this.sending === sending) this.sending = null;
    if (!there) return false;
    this.lost = this.theirs = false;
    this.shared = content;
    this.unwritten = null;
    this.listener.changed(content, false);
    return true;
  }

  /** Writes a content to the browser's clipboard, as the person has asked; says whether the browser took it. */
  async copy(content: Content): Promise<boolean> {
    try {
      await this.system.write(content);
    } catch {
      return false;
    }
    this.copied(content);
    return true;
  }

  /** The person has copied something in the page itself. */
  copied(content: Content): void {
    this.wrote(normal(content));
  }

  /** The browser tells its clipboard in a paste event. */
  pasted(content: Promise<Content>): void {
    const waiting = this.pastes.splice(0);
    if (waiting.length === 0) void content.then((content) => this.on && this.fromBrowser(content));
    for (const resolve of waiting) resolve(content);
  }

  /** A program on the desktop is about to paste: resolves when the desktop has the browser's clipboard. */
  async beforePaste(): Promise<void> {
    if (!this.on) return;
    const content = await (this.system.readable() ? this.readOr(this.nextPaste(READ)) : this.nextPaste(PASTE));
    this.pastes = [];
    if (content) await this.fromBrowser(content);
  }

  /** The tab has the focus: takes what was copied elsewhere, if that needs no question. */
  async focused(): Promise<void> {
    await this.system.asked;
    if (!this.on || !this.system.readable()) return;
    try {
      if (!(await this.fromBrowser(await this.system.read()))) await this.gesture();
    } catch {
      // The focus has gone again; the next one tries again.
    }
  }

  /** What the next paste event within ms tells; null for none. */
  private nextPaste(ms: number): Promise<Content | null> {
    return new Promise((resolve) => {
      this.clock.after(ms, () => resolve(null));
      this.pastes.push(resolve);
    });
  }

  /** What the browser's clipboard holds, or, where that is too long in coming or fails, the paste event. */
  private async readOr(paste: Promise<Content | null>): Promise<Content | null> {
    const read = this.system.read().catch(() => paste);
    return Promise.race([read, new Promise<null>((resolve) => void this.clock.after(READ, () => resolve(null)))]);
  }

  /** Takes what the browser's clipboard holds; says whether it was sent to the desktop. */
  private async fromBrowser(read: Content): Promise<boolean> {
    const content = normal(read);
    const known = (await this.knows(this.seen, this.written, content)) || (await this.knows(this.shared, this.theirs, content));
    const sent = (!known || this.lost) && (await this.share(content));
    if (known || sent) {
      this.seen = content;
      this.written = false;
    }
    return sent;
  }

  /** Whether a content is one that is known; altered: or what a browser makes of it. */
  private async knows(known: Content | null, altered: boolean, content: Content): Promise<boolean> {
    if (!known) return false;
    if (!altered || equal(known, content)) return equal(known, content);
    if (known.text || content.text) return known.text === content.text;
    if (known.picture && content.picture) return this.pictures.alike(known.picture, content.picture);
    return false;
  }

  private async write(): Promise<boolean> {
    const content = this.unwritten;
    return content === null || (await this.copy(content));
  }

  private wrote(content: Content): void {
    this.seen = content;
    this.written = true;
    if (equal(content, this.shared)) this.unwritten = null;
  }
}
