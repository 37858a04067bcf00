/** Receives the desktop's contents: announced, then in pieces. */

import type { Clock } from "../clock.ts";
import { unpack, type Bytes, type Content } from "./content.ts";
import { PIECE_TYPE, type Progress } from "./sender.ts";
import { PIECE } from "./window.ts";

const HEAD = 5;
/** An acknowledgement is due once so many bytes have come, or so long after the first of fewer, in ms. */
const DUE = 4 * PIECE;
const SOON = 5;
/** More than this no server sends, in bytes. */
const MOST = 1 << 28;

export interface Announcement {
  serial: number;
  selection: string;
  items: { mime: string; size: number }[];
}

export interface ReceiverListener {
  /** So many bytes of pieces have come by this socket. */
  acknowledge(bytes: number): void;
  /** The content of a serial is not wanted. */
  cancel(serial: number): void;
  received(content: Content, selection: string): void;
  progress(progress: Progress): void;
}

/** Whether a binary message is a piece. */
export const isPiece = (message: ArrayBuffer): boolean =>
  message.byteLength > HEAD && new DataView(message).getUint8(0) === PIECE_TYPE;

export class Receiver {
  private coming: Announcement | null = null;
  private bytes: Bytes = new Uint8Array();
  private at = 0;
  /** Bytes of all pieces that have come by this socket. */
  private total = 0;
  /** Those of them that the server knows of. */
  private told = 0;
  private cancelTimer: (() => void) | null = null;

  constructor(
    private readonly clock: Clock,
    private readonly listener: ReceiverListener,
  ) {}

  /** There is another socket. */
  reset(): void {
    this.cancelTimer?.();
    this.cancelTimer = null;
    this.total = this.told = 0;
    this.drop();
  }

  /** A content is to come, in place of one that is on its way. */
  announced(announcement: Announcement): void {
    const size = announcement.items.reduce((sum, item) => sum + item.size, 0);
    if (!(size > 0 && size <= MOST) || announcement.items.some((item) => !(item.size > 0))) {
      this.drop();
      this.listener.cancel(announcement.serial);
      return;
    }
    this.coming = announcement;
    this.bytes = new Uint8Array(size);
    this.at = 0;
    this.report();
  }

  /** Takes a piece. */
  take(message: ArrayBuffer): void {
    const part = new Uint8Array(message, HEAD);
    this.total += part.length;
    if (this.total - this.told >= DUE) this.acknowledge();
    else this.cancelTimer ??= this.clock.after(SOON, () => this.acknowledge());
    const { coming } = this;
    if (!coming || new DataView(message).getUint32(1) !== coming.serial) return;
    if (part.length > this.bytes.length - this.at) return this.drop();
    this.bytes.set(part, this.at);
    this.at += part.length;
    if (this.at < this.bytes.length) return this.report();
    const content = this.content(coming);
    this.drop();
    this.listener.received(content, coming.selection);
  }

  /** The person does not want what is on its way. */
  cancel(): void {
    if (this.coming) this.listener.cancel(this.coming.serial);
    this.drop();
  }

  private acknowledge(): void {
    this.cancelTimer?.();
    this.cancelTimer = null;
    this.told = this.total;
    this.listener.acknowledge(this.total);
  }

  private content({ items }: Announcement): Content {
    let at = 0;
    return unpack(items.map(({ mime, size }) => ({ mime, bytes: this.bytes.slice(at, (at += size)) })));
  }

  private drop(): void {
    this.coming = null;
    this.bytes = new Uint8Array();
    this.report();
  }

  private report(): void {
    this.listener.progress(this.coming && { done: this.at, total: this.bytes.length });
  }
}
