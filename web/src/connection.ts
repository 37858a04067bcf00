/**
 * The WebSocket to the server: opened, kept alive, opened again with growing
 * pauses, until the server says that it is over.
 */

import type { Backoff } from "./backoff.ts";
import { every, type Clock, ServerClock } from "./clock.ts";
import { Pieces } from "./clipboard.ts";
import type { Channel } from "./input.ts";
import { parse, type ClientMessage, type Reason, type ServerMessage } from "./protocol.ts";

export type LinkState =
  | { name: "connecting" }
  | { name: "open" }
  /** Closed; the next attempt is at the page's time until, in ms. */
  | { name: "waiting"; until: number; reason: Reason | null }
  /** The server wants a token. */
  | { name: "login" }
  /** Over: the server does not want the page back by itself. */
  | { name: "ended"; reason: Reason };

/** The part of WebSocket that is used. */
export interface Socket extends Channel {
  binaryType: string;
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: (() => void) | null;
  send(data: string | Uint8Array<ArrayBuffer>): void;
  close(): void;
}

export interface Surroundings {
  clock: Clock;
  backoff: Backoff;
  /** Opens the server's socket. */
  open(): Socket;
  /** Asks whether the server would let the page in: an HTTP status, or 0 when it does not answer. */
  session(): Promise<number>;
}

export interface Listener {
  state(state: LinkState): void;
  message(message: ServerMessage): void;
  binary(data: ArrayBuffer): void;
}

/** An attempt that has not come to a hello after this long is given up, in ms. */
const OPEN_TIMEOUT = 10_000;
const PING_INTERVAL = 1000;
/** Further pings soon after the opening, in ms, so that the server's clock is known well from the start. */
const EARLY_PINGS = [100, 250, 500];
/** With a ping unanswered and no sign of life for this long the socket is taken for dead, in ms. */
const PONG_TIMEOUT = 5000;
/**
 * What is sent at this many characters a millisecond (256 kbit/s) counts as under way: pings
 * wait behind it, in buffers of the system where the page sees no progress.
 */
const SLOWEST = 32;

export class Connection {
  readonly serverClock = new ServerClock();
  private socket: Socket | null = null;
  private current: LinkState = { name: "connecting" };
  private cancelTimer = () => {};
  private cancelPings = () => {};
  /** Pings without an answer: when each was sent, and how many characters had been sent by then. */
  private unanswered: { at: number; sent: number }[] = [];
  /** The page's time of the last sign of life, in ms, and what was waiting in the socket then. */
  private alive = 0;
  private buffered = 0;
  /** Characters sent, and those of them that the server is known to have read. */
  private sent = 0;
  private read = 0;
  private waiters: { at: number; done: () => void }[] = [];
  private readonly pieces = new Pieces();
  private reason: Reason | null = null;
  /** Attempts in a row at which the server answered and the socket did not open. */
  private refusals = 0;

  constructor(
    private readonly around: Surroundings,
    private readonly hello: () => ClientMessage,
    private readonly listener: Listener,
  ) {}

  get state(): LinkState {
    return this.current;
  }

  /** The socket as a channel for input; null while it is not open. */
  get channel(): Channel | null {
    return this.current.name === "open" ? this.socket : null;
  }

  /** Connects, at once, whatever the state. */
  connect(): void {
    this.drop();
    this.enter({ name: "connecting" });
    const socket = this.around.open();
    this.socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => socket.send(JSON.stringify(this.hello()));
    socket.onmessage = ({ data }) => this.receive(data);
    socket.onclose = () => void this.closed(socket);
    this.cancelTimer = this.around.clock.after(OPEN_TIMEOUT, () => void this.closed(socket));
  }

  /** The network or the tab is back: if waiting, tries now; if open, finds out now whether it still is. */
  poke(): void {
    if (this.current.name === "waiting") this.connect();
    else if (this.current.name === "open") this.ping();
  }

  /** Sends a control message if the socket is open; says whether it has. */
  send(message: ClientMessage): boolean {
    if (this.current.name !== "open" || !this.socket) return false;
    const text = JSON.stringify(message);
    this.sent += text.length;
    this.socket.send(text);
    return true;
  }

  /** Resolves when the server has dealt with everything sent so far, or after ms. */
  flushed(ms: number): Promise<void> {
    if (!this.ping()) return Promise.resolve();
    const at = this.unanswered.at(-1)?.at ?? 0;
    return new Promise((resolve) => {
      const cancel = this.around.clock.after(ms, resolve);
      this.waiters.push({ at, done: () => (cancel(), resolve()) });
    });
  }

  /** Whether a ping has been waiting for its answer for longer than ms. */
  quiet(ms: number): boolean {
    const oldest = this.unanswered[0];
    return oldest !== undefined && this.around.clock.now() - oldest.at > ms;
  }

  /** Asks for a sign of life. */
  ping(): boolean {
    const at = this.around.clock.now();
    if (!this.send({ type: "ping", t: at })) return false;
    this.unanswered.push({ at, sent: this.sent });
    return true;
  }

  /** Leaves. */
  end(reason: Reason): void {
    this.send({ type: "bye" });
    this.drop();
    this.enter({ name: "ended", reason });
  }

  private receive(data: unknown): void {
    this.alive = this.around.clock.now();
    if (data instanceof ArrayBuffer) return this.listener.binary(data);
    const message = typeof data === "string" ? parse(data) : null;
    if (!message) return;
    switch (message.type) {
      case "clipboard": {
        const text = this.pieces.add(message.text, message.more);
        if (text !== null) this.listener.message({ ...message, text });
        return;
      }
      case "hello":
        this.opened();
        break;
      case "pong":
        this.answered(message.t, message.now);
        break;
      case "bye":
        this.dismissed(message.retry, { code: message.code, args: message.args });
        return;
    }
    this.listener.message(message);
  }

  private opened(): void {
    this.cancelTimer();
    this.around.backoff.reset();
    this.serverClock.reset();
    this.reason = null;
    this.refusals = 0;
    this.enter({ name: "open" });
    this.ping();
    for (const ms of EARLY_PINGS) this.around.clock.after(ms, () => this.ping());
    this.cancelPings = every(this.around.clock, PING_INTERVAL, () => {
      if (this.dead()) return void this.closed(this.socket);
      // Without the ping to come, which leaves for the system's buffers and is no sign of life.
      this.buffered = this.socket?.bufferedAmount ?? 0;
      this.ping();
    });
  }

  /** Whether nothing goes either way any more. */
  private dead(): boolean {
    const now = this.around.clock.now();
    if (this.socket && this.socket.bufferedAmount < this.buffered) this.alive = now;
    return this.quiet(PONG_TIMEOUT) && now - this.alive > PONG_TIMEOUT + (this.sent - this.read) / SLOWEST;
  }

  private answered(t: number, now: number): void {
    this.read = this.unanswered.filter(({ at }) => at <= t).at(-1)?.sent ?? this.read;
    this.unanswered = this.unanswered.filter(({ at }) => at > t);
    this.serverClock.add(t, this.around.clock.now(), now);
    const done = this.waiters.filter(({ at }) => at <= t);
    this.waiters = this.waiters.filter(({ at }) => at > t);
    for (const waiter of done) waiter.done();
  }

  private dismissed(retry: boolean, reason: Reason): void {
    this.reason = reason;
    if (retry) {
      this.drop();
      this.wait();
    } else {
      this.drop();
      this.enter({ name: "ended", reason });
    }
  }

  /** The socket has closed, or is taken for dead. */
  private async closed(socket: Socket | null): Promise<void> {
    if (!socket || socket !== this.socket) return;
    const refused = this.current.name === "connecting";
    this.drop();
    this.wait();
    if (refused) this.explain(await this.around.session());
  }

  /** A browser does not tell why an upgrade was refused; a plain request's status does. */
  private explain(status: number): void {
    if (this.current.name !== "waiting") return;
    if (status === 401) {
      this.cancelTimer();
      this.enter({ name: "login" });
      return;
    }
    this.refusals = status === 204 || status === 403 ? this.refusals + 1 : 0;
    this.enter({ ...this.current, reason: this.why });
  }

  /** Why the page is not connected, if that is known. */
  private get why(): Reason | null {
    // A single refusal may be a server that was just starting.
    return this.refusals < 2 ? this.reason : { code: "socket-refused", args: [] };
  }

  private wait(): void {
    const pause = this.around.backoff.next();
    this.cancelTimer = this.around.clock.after(pause, () => this.connect());
    this.enter({ name: "waiting", until: this.around.clock.now() + pause, reason: this.why });
  }

  private drop(): void {
    this.cancelTimer();
    this.cancelPings();
    this.unanswered = [];
    this.sent = this.read = this.buffered = 0;
    this.pieces.clear();
    for (const waiter of this.waiters.splice(0)) waiter.done();
    const socket = this.socket;
    this.socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  private enter(state: LinkState): void {
    this.current = state;
    this.listener.state(state);
  }
}
