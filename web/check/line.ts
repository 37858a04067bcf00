/** One WebSocket of the server's, as a check uses it. */

import type { Clock } from "../src/clock.ts";

/** The part of WebSocket that is used. */
export interface Wire {
  binaryType: string;
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  send(data: string | Uint8Array<ArrayBuffer>): void;
  close(): void;
}

/** Why something has not come: it is late, or the line has ended with this code and reason. */
export class Silence extends Error {
  constructor(
    readonly why: "late" | "ended",
    readonly code = 0,
    readonly reason = "",
  ) {
    super(`${why} ${code} ${reason}`);
  }
}

type Event = { opened: true } | { data: string | ArrayBuffer } | { end: Silence };

export class Line {
  /** The page's time of its making, in ms. */
  readonly began: number;
  private end: Silence | null = null;
  private takers = new Set<(event: Event) => void>();

  constructor(
    private readonly clock: Clock,
    private readonly wire: Wire,
  ) {
    this.began = clock.now();
    wire.binaryType = "arraybuffer";
    wire.onopen = () => this.tell({ opened: true });
    wire.onmessage = ({ data }) => {
      if (typeof data === "string" || data instanceof ArrayBuffer) this.tell({ data });
    };
    wire.onclose = ({ code, reason }) => this.over(new Silence("ended", code, reason));
  }

  /** Resolves when it is open, with how long that has taken in ms; rejects with Silence. */
  opened(ms: number): Promise<number> {
    return this.next(ms, (event) => ("opened" in event ? this.clock.now() - this.began : undefined));
  }

  /** Resolves with what take makes of a message to come, undefined leaving it; rejects with Silence. */
  wait<T>(ms: number, take: (data: string | ArrayBuffer) => T | undefined): Promise<T> {
    return this.next(ms, (event) => ("data" in event ? take(event.data) : undefined));
  }

  /** Resolves when it has ended, with why, or after ms with null. */
  async ended(ms: number): Promise<Silence | null> {
    try {
      return await this.next(ms, (event) => ("end" in event ? event.end : undefined));
    } catch {
      return null;
    }
  }

  /** Calls fn for each message to come until the function returned is called. */
  listen(fn: (data: string | ArrayBuffer) => void): () => void {
    const taker = (event: Event) => {
      if ("data" in event) fn(event.data);
    };
    this.takers.add(taker);
    return () => void this.takers.delete(taker);
  }

  /** Sends, unless the line has ended. */
  send(data: string | Uint8Array<ArrayBuffer>): void {
    if (!this.end) this.wire.send(data);
  }

  /** Sends a control message. */
  say(message: object): void {
    this.send(JSON.stringify(message));
  }

  close(): void {
    const { wire } = this;
    wire.onopen = wire.onmessage = wire.onclose = null;
    wire.close();
    this.over(new Silence("ended"));
  }

  private over(end: Silence): void {
    if (this.end) return;
    this.end = end;
    this.tell({ end });
  }

  private tell(event: Event): void {
    for (const taker of [...this.takers]) taker(event);
  }

  private next<T>(ms: number, take: (event: Event) => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const taker = (event: Event) => {
        const value = take(event);
        if (value === undefined && !("end" in event)) return;
        cancel();
        this.takers.delete(taker);
        if (value !== undefined) resolve(value);
        else if ("end" in event) reject(event.end);
      };
      const cancel = this.clock.after(ms, () => {
        this.takers.delete(taker);
        reject(new Silence("late"));
      });
      if (this.end) taker({ end: this.end });
      else this.takers.add(taker);
    });
  }
}
