/** Sends contents to the desktop: announced, then in pieces between all else. */

import type { Clock } from "../clock.ts";
import type { Reason } from "../protocol.ts";
import type { Bytes, Item } from "./content.ts";
import { TransferWindow } from "./window.ts";

/** The first byte of a piece. */
export const PIECE_TYPE = 33;
const HEAD = 5;

/** How far a transfer has got, bytes; null: there is none. */
export type Progress = { done: number; total: number } | null;

/** The socket, as far as transfers need it. */
export interface Wire {
  announce(serial: number, items: { mime: string; size: number }[]): boolean;
  piece(message: Bytes): boolean;
  cancel(serial: number): void;
}

/** How a transfer has ended: null well, else why not; "cancelled" where nothing is to be said. */
export type Ending = Reason | null;

const CANCELLED: Reason = { code: "cancelled", args: [] };

interface Job {
  items: Item[];
  total: number;
  ended(ending: Ending): void;
}

export class Sender {
  private serial = 0;
  private job: Job | null = null;
  private rest: Bytes[] = [];
  private window = new TransferWindow();
  /** The pieces' bytes sent before this content. */
  private base = 0;

  constructor(
    private readonly clock: Clock,
    private readonly wire: Wire,
    private readonly progress: (progress: Progress) => void,
  ) {}

  /** Sends a content, in place of one that is on its way; resolves when it has ended. */
  send(items: Item[]): Promise<Ending> {
    this.end(CANCELLED);
    const total = items.reduce((sum, { bytes }) => sum + bytes.length, 0);
    return new Promise((ended) => {
      this.job = { items, total, ended };
      this.begin();
    });
  }

  /** The person does not want what is on its way to get there. */
  cancel(): void {
    if (!this.job) return;
    this.wire.cancel(this.serial);
    this.end(CANCELLED);
  }

  /** There is another socket: what was on its way goes again from its beginning. */
  restart(): void {
    this.window = new TransferWindow();
    if (this.job) this.begin();
  }

  /** There is no socket, nor will there be one soon. */
  stop(): void {
    this.end(CANCELLED);
  }

  /** The server has got so many bytes of pieces. */
  acknowledged(bytes: number): void {
    this.window.acknowledge(bytes, this.clock.now());
    this.pump();
    this.report();
  }

  /** The server says how a content has ended. */
  ended(serial: number, ending: Ending): void {
    if (serial === this.serial) this.end(ending);
  }

  private begin(): void {
    const { job } = this;
    if (!job) return;
    this.serial++;
    this.base = this.window.sent;
    this.rest = job.items.map(({ bytes }) => bytes);
    this.wire.announce(this.serial, job.items.map(({ mime, bytes }) => ({ mime, size: bytes.length })));
    this.pump();
    this.report();
  }

  private pump(): void {
    while (this.rest.length > 0 && this.window.room) {
      const [item] = this.rest;
      if (!item) return;
      const part = item.subarray(0, this.window.piece);
      if (!this.wire.piece(piece(this.serial, part))) return;
      if (part.length === item.length) this.rest.shift();
      else this.rest[0] = item.subarray(part.length);
      this.window.send(part.length, this.clock.now());
    }
  }

  private report(): void {
    const { job } = this;
    this.progress(job && { done: Math.max(0, this.window.acknowledged - this.base), total: job.total });
  }

  private end(ending: Ending): void {
    const { job } = this;
    if (!job) return;
    this.job = null;
    this.rest = [];
    this.report();
    job.ended(ending);
  }
}

function piece(serial: number, part: Bytes): Bytes {
  const message = new Uint8Array(HEAD + part.length);
  message[0] = PIECE_TYPE;
  new DataView(message.buffer).setUint32(1, serial);
  message.set(part, HEAD);
  return message;
}
