/** Fresh sockets, tried one after the other until one opens. */

import { type Clock } from "./clock.ts";
import type { Socket } from "./connection.ts";

/**
 * So many in RECENT ms are given up after the time that is asked for, more no sooner than after PATIENT
 * ms: systems send a first packet that is not answered again every second or so for as long.
 */
const QUICK = 8;
const RECENT = 60_000;
const PATIENT = 5000;
/**
 * Chromium holds a socket back once others have failed, and one that a page closes before it has
 * opened has: by up to HELD ms after SATURATED failures, half of it for each one less. It forgets
 * them in two times three minutes.
 */
const HELD = 5000;
const SATURATED = 16;
const MEMORY = 360_000;

export class Attempts {
  private socket: Socket | null = null;
  private cancel = () => {};
  private started = false;
  /** The page's times at which sockets have failed, in ms, of those that count. */
  private failures: number[] = [];

  /** opened takes over a socket that has opened; refused: one has ended instead. */
  constructor(
    private readonly clock: Clock,
    private readonly open: () => Socket,
    private readonly opened: (socket: Socket) => void,
    private readonly refused: () => void,
  ) {}

  get running(): boolean {
    return this.started;
  }

  /**
   * Tries now, and anew every ms for a start. What was sent into a dead network is sent again by the
   * system after pauses that grow: a fresh socket is through as soon as the network is back.
   */
  start(ms: number): void {
    this.stop();
    this.started = true;
    const held = this.held();
    this.next(held + (this.failedSince(RECENT) < QUICK ? ms : Math.max(ms, PATIENT)), ms);
    // Browsers open one socket to a server at a time: the next one would wait for this one.
    const socket = this.open();
    this.socket = socket;
    socket.onopen = () => {
      this.socket = null;
      this.stop();
      this.opened(socket);
    };
    socket.onclose = () => {
      this.failed();
      this.next(held + ms, ms); // nothing is under way that patience would help
      this.refused();
    };
  }

  stop(): void {
    this.cancel();
    this.started = false;
    const { socket } = this;
    if (!socket) return;
    this.failed();
    socket.onopen = socket.onclose = null;
    socket.close();
  }

  private next(after: number, ms: number): void {
    this.cancel();
    this.cancel = this.clock.after(after, () => this.start(ms));
  }

  private failed(): void {
    this.socket = null;
    this.failures = [...this.failures, this.clock.now()].slice(-SATURATED);
  }

  private failedSince(ms: number): number {
    return this.failures.filter((at) => at > this.clock.now() - ms).length;
  }

  /** For how long at most the browser holds back a socket that is opened now, in ms. */
  private held(): number {
    return Math.floor(HELD * 2 ** (this.failedSince(MEMORY) - SATURATED));
  }
}
