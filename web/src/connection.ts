/**
 * The WebSocket to the server: opened, kept alive, replaced as soon as it is silent,
 * opened again with growing pauses, until the server says that it is over.
 */

import { Attempts } from "./attempts.ts";
import type { Backoff } from "./backoff.ts";
import { every, type Clock, ServerClock } from "./clock.ts";
import type { Probe } from "./http.ts";
import type { Channel } from "./input.ts";
import { parse, type ClientMessage, type Reason, type ServerMessage } from "./protocol.ts";

export type LinkState =
  | { name: "connecting" }
  | { name: "open" }
  /** It was open a moment ago, and is about to be again. */
  | { name: "resuming" }
  /** Closed; the next attempt is at the page's time until, in ms, or is being made when that is past. */
  | { name: "waiting"; until: number; reason: Reason | null }
  /** The server wants a token. */
  | { name: "login" }
  /** Over: the server does not want the page back by itself. */
  | { name: "ended"; reason: Reason };

/** Whether the person has to come in anew before there is anything to see. */
export function sentOut(state: LinkState): boolean {
  const over = ["logged-out", "session-over", "hub-refused", "revoked", "expired", "no-share"];
  return state.name === "login" || (state.name === "ended" && over.includes(state.reason.code));
}

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
  /** The time of day in ms, which goes on while the machine sleeps. */
  wall(): number;
  backoff: Backoff;
  /** Opens the server's socket. */
  open(): Socket;
  /** Asks whether the server would let the page in. */
  session(): Promise<Probe>;
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
/** With the same for this long fresh sockets are tried beside it, each for FRESH or so many round trips, in ms. */
const SILENT = 900;
const FRESH = 400;
const HANDSHAKE = 6;
/** What an answer may take beyond that because of what else is under way, in ms. */
const SLACK = 100;
/** Fresh sockets are tried for this long, and words are made of it after a while, in ms. */
const LOST = 60_000;
const NOTICED = 1000;
/** The machine has slept when the time of day has gone on by so much more than the timers, in ms. */
const SLEPT = 3000;
/**
 * What is sent at this many characters a millisecond (256 kbit/s) counts as under way: pings
 * wait behind it, in buffers of the system where the page sees no progress.
 */
const SLOWEST = 32;

export class Connection {
  readonly serverClock = new ServerClock();
  private socket: Socket | null = null;
  private current: LinkState = { name: "connecting" };
  private readonly attempts: Attempts;
  /** Names this page to the server, so that a fresh socket takes the place of the silent one. */
  readonly page = secret();
  /** Counts the hellos, so that one held up by the network does not take the place of a later one. */
  private hellos = 0;
  private cancelTimer = () => {};
  private cancelNotice = () => {};
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
  private reason: Reason | null = null;
  /** Attempts in a row at which the server answered and the socket did not open. */
  private refusals = 0;

  constructor(
    private readonly around: Surroundings,
    /** Tells what the page's hello says: at once, or when it is known. */
    private readonly hello: (tell: (message: ClientMessage) => void) => void,
    private readonly listener: Listener,
  ) {
    this.attempts = new Attempts(around.clock, around.open, (socket) => this.adopt(socket), () => void this.refused());
  }

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
    socket.onopen = () => this.greet(socket);
    this.attend(socket);
  }

  /** The network, the tab or the machine is back: if waiting, tries now; if open, finds out now whether it still is. */
  poke(): void {
    if (this.attempts.running) this.attempts.start(this.patience);
    else if (this.current.name === "waiting") this.connect();
    else if (this.current.name === "connecting") this.impatient();
    else if (this.current.name === "open") {
      // What was asked before is answered late, or never; neither says anything.
      this.unanswered = [];
      this.alive = this.around.clock.now();
      this.ping();
      this.cancelNotice();
      const { patience } = this;
      this.cancelNotice = this.around.clock.after(patience + SLACK, () => this.listen(patience));
    }
  }

  /** An attempt that was under way before may be stuck in what is gone: it has a little while, then another is made. */
  private impatient(): void {
    const { socket } = this;
    this.cancelNotice();
    this.cancelNotice = this.around.clock.after(this.patience, () => {
      if (this.current.name === "connecting" && socket === this.socket) this.connect();
    });
  }

  /** Sends a control message if the socket is open; says whether it has. */
  send(message: ClientMessage): boolean {
    if (this.current.name !== "open" || !this.socket) return false;
    const text = JSON.stringify(message);
    this.sent += text.length;
    this.socket.send(text);
    return true;
  }

  /** Sends a binary message if the socket is open; says whether it has. Long ones go in pieces, so that others go between them. */
  transmit(message: Uint8Array<ArrayBuffer>): boolean {
    if (this.current.name !== "open" || !this.socket) return false;
    this.sent += message.length;
    this.socket.send(message);
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

  /** Whether a ping has been waiting for its answer for ms. */
  quiet(ms: number): boolean {
    const oldest = this.unanswered[0];
    return oldest !== undefined && this.around.clock.now() - oldest.at >= ms;
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
    this.attempts.stop();
    if (data instanceof ArrayBuffer) return this.listener.binary(data);
    const message = typeof data === "string" ? parse(data) : null;
    if (!message) return;
    switch (message.type) {
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

  /** Takes part in a socket that may still have to open. */
  private attend(socket: Socket): void {
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => this.receive(data);
    socket.onclose = () => void this.closed(socket);
    this.cancelTimer = this.around.clock.after(OPEN_TIMEOUT, () => void this.closed(socket));
  }

  private greet(socket: Socket): void {
    this.hello((message) => {
      if (socket === this.socket) socket.send(JSON.stringify({ ...message, page: this.page, attempt: ++this.hellos }));
    });
  }

  /** A fresh socket has opened while the one there was is silent, or gone. */
  private adopt(socket: Socket): void {
    this.drop();
    this.socket = socket;
    this.attend(socket);
    if (this.current.name === "open") this.enter({ name: "resuming" });
    this.greet(socket);
  }

  /** A fresh socket was refused. With an answer from the server there is something to explain, else it may come back. */
  private async refused(): Promise<void> {
    const probe = await this.around.session();
    if (probe.status === 0 || !this.attempts.running || this.socket) return;
    this.drop();
    this.wait();
    this.explain(probe);
  }

  /** How long a fresh socket may take to open, in ms. */
  private get patience(): number {
    return Math.max(FRESH, HANDSHAKE * (this.serverClock.least || 0));
  }

  /** Tries fresh sockets, if the one there is has been silent for longer than ms. */
  private listen(ms: number): void {
    if (this.current.name === "open" && this.overdue(ms) && !this.attempts.running) this.attempts.start(this.patience);
  }

  /** The socket that was open has gone: fresh ones are tried at once, and for a while. */
  private lost(): void {
    this.drop();
    this.attempts.start(this.patience);
    this.cancelNotice = this.around.clock.after(NOTICED, () => {
      this.enter({ name: "waiting", until: this.around.clock.now(), reason: this.why });
    });
    this.cancelTimer = this.around.clock.after(LOST, () => {
      this.drop();
      this.wait();
    });
    this.enter({ name: "resuming" });
  }

  private opened(): void {
    this.cancelTimer();
    this.cancelNotice();
    this.around.backoff.reset();
    this.serverClock.reset();
    this.reason = null;
    this.refusals = 0;
    this.enter({ name: "open" });
    this.ping();
    for (const ms of EARLY_PINGS) this.around.clock.after(ms, () => this.ping());
    let wall = this.around.wall();
    this.cancelPings = every(this.around.clock, PING_INTERVAL, () => {
      const slept = this.around.wall() - wall > PING_INTERVAL + SLEPT;
      wall = this.around.wall();
      this.progress();
      if (slept) return this.poke();
      if (this.overdue(PONG_TIMEOUT)) return this.lost();
      this.listen(SILENT);
      // Without the ping to come, which leaves for the system's buffers and is no sign of life.
      this.buffered = this.socket?.bufferedAmount ?? 0;
      this.ping();
    });
  }

  /** What leaves the socket is a sign of life. */
  private progress(): void {
    if (this.socket && this.socket.bufferedAmount < this.buffered) this.alive = this.around.clock.now();
  }

  /** Whether nothing has gone either way for longer than ms, and should have. */
  private overdue(ms: number): boolean {
    return this.quiet(ms) && this.around.clock.now() - this.alive >= ms + (this.sent - this.read) / SLOWEST;
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
    if (reason.code === "login") {
      this.drop();
      this.enter({ name: "login" });
    } else if (retry) {
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
    if (this.current.name === "open") return this.lost();
    const refused = this.current.name === "connecting";
    this.drop();
    this.wait();
    if (refused) this.explain(await this.around.session());
  }

  /** A browser does not tell why an upgrade was refused; a plain request's status does. */
  private explain({ status, code }: Probe): void {
    if (this.current.name !== "waiting") return;
    if (status === 401) {
      this.cancelTimer();
      this.enter({ name: "login" });
      return;
    }
    if (code) this.reason = { code, args: [] };
    else this.refusals = status === 200 || status === 403 ? this.refusals + 1 : 0;
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
    this.attempts.stop();
    this.cancelTimer();
    this.cancelNotice();
    this.cancelPings();
    this.unanswered = [];
    this.sent = this.read = this.buffered = 0;
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

/** A name that nobody else can guess, also on a page that did not come by HTTPS. */
export function secret(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
