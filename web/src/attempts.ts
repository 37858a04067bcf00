/** Fresh sockets, tried one after the other until one opens. */

import { type Clock } from "./clock.ts";
import type { Socket } from "./connection.ts";

export class Attempts {
  private socket: Socket | null = null;
  private cancel = () => {};
  private started = false;

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
   * Tries now, and anew every ms. What was sent into a dead network is sent again by the
   * system after pauses that double: a fresh socket is through as soon as the network is back.
   */
  start(ms: number): void {
    this.stop();
    this.started = true;
    this.cancel = this.clock.after(ms, () => this.start(ms));
    // Browsers open one socket to a server at a time: the next one would wait for this one.
    const socket = this.open();
    this.socket = socket;
    socket.onopen = () => {
      this.socket = null;
      this.stop();
      this.opened(socket);
    };
    socket.onclose = () => this.refused();
  }

  stop(): void {
    this.cancel();
    this.started = false;
    const { socket } = this;
    this.socket = null;
    if (!socket) return;
    socket.onopen = socket.onclose = null;
    socket.close();
  }
}
