/** The clipboards of the desktop and the browser, put together with the socket between them. */

import { Clipboard } from "../clipboard.ts";
import type { Clock } from "../clock.ts";
import type { Connection } from "../connection.ts";
import type { Feature, HelloMessage, Reason, ServerMessage } from "../protocol.ts";
import type { Settings } from "../settings.ts";
import type { PanelActions } from "../ui/panel.ts";
import { pack, type Content } from "./content.ts";
import type { Pictures } from "./pictures.ts";
import { isPiece, Receiver } from "./receiver.ts";
import { Sender, type Progress } from "./sender.ts";
import type { SystemClipboard } from "./system.ts";

export interface ExchangeListener {
  may(feature: Feature): boolean;
  /** The shared content is another one; offered: the browser did not take it, the person has to fetch it. */
  changed(content: Content, offered: boolean): void;
  tell(reason: Reason): void;
  /** How far what goes to the desktop ("in") or comes from it ("out") has got. */
  progress(way: Way, progress: Progress): void;
  /** What was to be pasted does not come: the keys that wait for it are not to be pressed. */
  given(): void;
}

export type Way = "in" | "out";

const MEBIBYTE = 1 << 20;

export class Exchange {
  readonly clipboard: Clipboard;
  private readonly sender: Sender;
  private readonly receiver: Receiver;
  /** Bytes that the server takes. */
  private most = 0;

  constructor(
    clock: Clock,
    private readonly connection: Connection,
    system: SystemClipboard,
    pictures: Pictures,
    private readonly settings: () => Pick<Settings, "clipboard" | "primary">,
    private readonly listener: ExchangeListener,
  ) {
    this.sender = new Sender(
      clock,
      {
        announce: (serial, items) => connection.send({ type: "clipboard", serial, items }),
        piece: (message) => connection.transmit(message),
        cancel: (serial) => void connection.send({ type: "transfer", way: "in", serial, code: "cancelled" }),
      },
      (progress) => listener.progress("in", progress),
    );
    this.receiver = new Receiver(clock, {
      acknowledge: (bytes) => void connection.send({ type: "transfer", way: "out", bytes }),
      cancel: (serial) => void connection.send({ type: "transfer", way: "out", serial, code: "cancelled" }),
      received: (content) => void this.clipboard.fromDesktop(content),
      progress: (progress) => listener.progress("out", progress),
    });
    this.clipboard = new Clipboard(clock, system, pictures, {
      send: (content) => this.send(content),
      changed: (content, offered) => listener.changed(content, offered),
      broken: () => listener.tell({ code: "clipboard-malformed", args: [] }),
    });
    this.clipboard.on = settings().clipboard;
  }

  /** The socket is another. */
  welcome(hello: HelloMessage): void {
    this.most = hello.maxClipboard;
    this.receiver.reset();
    // A server that knows the page still has what it was given.
    if (hello.seq === 0) this.clipboard.forget();
    this.choose();
    this.sender.restart();
    void this.meet();
  }

  /** There is a display anew, or leave to give it something: it has not been given anything. */
  renewed(): void {
    this.choose();
    this.clipboard.forget();
    void this.meet();
  }

  /** The person has chosen how the clipboard is shared. */
  choose(): void {
    const { clipboard, primary } = this.settings();
    this.clipboard.on = clipboard;
    if (this.listener.may("copy-out")) this.connection.send({ type: "primary", primary: clipboard && primary });
  }

  /** There is no desktop, nor will there be one soon. */
  stop(): void {
    this.sender.stop();
    this.receiver.reset();
  }

  /** The desktop gets the browser's clipboard, unless it tells of a newer content. */
  private async meet(): Promise<void> {
    await this.connection.flushed(500);
    await this.clipboard.focused();
  }

  /** What the panel does. */
  get panel(): Omit<PanelActions, "closed" | "refused"> {
    const { clipboard } = this;
    return {
      shared: () => clipboard.content,
      send: (content) => clipboard.share(content),
      copy: (content) => clipboard.copy(content),
      copied: (content) => clipboard.copied(content),
    };
  }

  /** Takes a message that is about clipboards. */
  receive(message: Extract<ServerMessage, { type: "clipboard" | "transfer" }>): void {
    if (message.type === "clipboard") {
      if (this.listener.may("copy-out")) this.receiver.announced(message);
    } else if (message.way === "in") {
      if (message.code === "") this.sender.acknowledged(message.bytes);
      else this.sender.ended(message.serial, message.code === "done" ? null : { code: message.code, args: message.args });
    }
  }

  /** Takes a binary message that is a piece of a clipboard; says whether it was. */
  take(message: ArrayBuffer): boolean {
    if (!isPiece(message)) return false;
    this.receiver.take(message);
    return true;
  }

  /** The person does not want what is on its way. */
  cancel(way: Way): void {
    if (way === "out") return this.receiver.cancel();
    this.sender.cancel();
    this.listener.given();
  }

  private async send(content: Content): Promise<boolean> {
    if (!this.listener.may("copy-in") || !this.connection.channel) return false;
    const items = pack(content);
    const size = items.reduce((sum, { bytes }) => sum + bytes.length, 0);
    if (size > this.most) {
      this.listener.tell({ code: "clipboard-too-large", args: [String(this.most / MEBIBYTE)] });
      return false;
    }
    const ending = await this.sender.send(items);
    if (ending && ending.code !== "cancelled") {
      this.listener.tell(ending);
      if (ending.code === "clipboard-failed") this.clipboard.forget();
    }
    return ending === null;
  }
}
