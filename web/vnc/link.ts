/** The VNC connection: opened, and opened again with growing pauses, until the server says that it is over. */

import type { Backoff } from "../src/backoff.ts";
import type { Clock } from "../src/clock.ts";
import type { Reason } from "../src/protocol.ts";

export type VNCState =
  | { name: "off" }
  | { name: "connecting" }
  | { name: "connected" }
  | { name: "waiting"; reason: Reason }
  | { name: "ended"; reason: Reason };

/** The server's code of a close after which the page does not come back by itself. */
const FOR_GOOD = 4001;

/** A connection that has lasted for this long, in ms, was a good one: the next pause is short again. */
const STEADY = 5000;

/** One connection, as its maker tells of it. */
export interface Attempt {
  /** Ends it; nothing is told of it any more. */
  close(): void;
}

export interface AttemptListener {
  connected(): void;
  /** With the WebSocket's code and reason. */
  closed(code: number, reason: string): void;
}

export class VNCLink {
  private current: VNCState = { name: "off" };
  private attempt: Attempt | null = null;
  private cancel = () => {};

  constructor(
    private readonly clock: Clock,
    private readonly backoff: Backoff,
    private readonly open: (listener: AttemptListener) => Attempt,
    private readonly changed: (state: VNCState) => void,
  ) {}

  get state(): VNCState {
    return this.current;
  }

  /** Connects, at once, whatever the state. */
  connect(): void {
    this.stop();
    this.enter({ name: "connecting" });
    this.attempt = this.open({
      connected: () => {
        this.cancel = this.clock.after(STEADY, () => this.backoff.reset());
        this.enter({ name: "connected" });
      },
      closed: (code, reason) => this.closed(code, reason),
    });
  }

  /** Ends, until connect. */
  close(): void {
    this.stop();
    this.enter({ name: "off" });
  }

  private closed(code: number, text: string): void {
    this.stop();
    const reason = { code: text || "vnc-lost", args: [] };
    if (code === FOR_GOOD) {
      this.enter({ name: "ended", reason });
      return;
    }
    this.cancel = this.clock.after(this.backoff.next(), () => this.connect());
    this.enter({ name: "waiting", reason });
  }

  private stop(): void {
    this.cancel();
    this.attempt?.close();
    this.attempt = null;
  }

  private enter(state: VNCState): void {
    this.current = state;
    this.changed(state);
  }
}
