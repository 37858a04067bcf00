/**
 * Which path the picture takes. It starts on the WebSocket, which is there. WebRTC connects
 * beside it, is shown once it has proved to be no worse, and is left as soon as it stalls.
 * Silence is no stall: what counts are probes and frames that should have come.
 */

import { every, type Clock } from "./clock.ts";
import { Delivery } from "./delivery.ts";
import type { Reason } from "./protocol.ts";

/** A way by which pictures come, as the server names it. */
export type Rung = "ws" | "webrtc";

export interface LadderActions {
  /** Has the server send pictures by these; the last is the one that is seen. */
  watch(rungs: Rung[]): void;
  /** The person sees this one from now on, and input takes it. */
  show(rung: Rung): void;
  /** Sends a probe, which comes back by the same way. */
  probe(rung: Rung, number: number): void;
  /** How many packets WebRTC has lost so far. */
  losses(): Promise<number>;
  /** Has WebRTC look for a way anew. */
  restart(): void;
  /** Why the path is what it is has changed. */
  changed(): void;
}

/** Probes of a comparison, for each path, and the pause between them in ms. */
const PROBES = 10;
const PROBE_PAUSE = 100;
/** What WebRTC may be slower in a comparison, at the 90th percentile, in ms. */
const MARGIN = 5;
/** Pause after a comparison that WebRTC has lost, in ms. */
const COMPARE_AGAIN = 10_000;
/** How long both paths carry the picture before WebRTC is seen, in ms, and how long it may take to begin. */
const SHADOW = 1000;
const SHADOW_BEGIN = 3000;
/** How often WebRTC is probed while it is seen, in ms. */
const WATCH = 500;
/** A probe not answered for this long has been missed, a frame not shown has stalled, in ms. */
const MISSED = 1000;
/** Probes missed in a row that are a stall: while nothing else comes, and in any case. */
const STALLED = 2;
const DEAF = 3;
/** Pause before the next promotion after trouble, in ms: doubled each time, and begun anew after a quiet while. */
const FIRST_PAUSE = 10_000;
const LAST_PAUSE = 300_000;
const QUIET = 300_000;
/** Without WebRTC for this long after the offer, the network is told to be the reason, in ms. */
const NO_PATH = 12_000;

type Phase =
  /** The WebSocket is seen. */
  | "socket"
  /** Both are probed. */
  | "comparing"
  /** Both carry the picture. */
  | "shadow"
  /** WebRTC is seen. */
  | "up"
  /** WebRTC has stalled, and the first picture on the socket is waited for. */
  | "falling"
  /** The socket is another one, and the first picture on the path that it begins with is waited for. */
  | "landing";

const BLOCKED: Reason = { code: "webrtc-blocked", args: [] };

export class Ladder {
  private phase: Phase = "socket";
  private rung: Rung;
  private reason: Reason | null = null;
  private connected = false;
  /** Why WebRTC does not get through, as far as is known. */
  private obstacle: Reason = BLOCKED;
  private hidden = false;
  private readonly delivery = new Delivery();
  private probes: Probe[] = [];
  private number = 0;
  private pause = FIRST_PAUSE;
  /** The page's time before which WebRTC is not tried again. */
  private rested = -Infinity;
  /** When WebRTC last gave a sign of life, in ms. */
  private alive = -Infinity;
  /** When WebRTC has shown its first picture beside the socket, was seen, was last looked at. */
  private begun: number | null = null;
  private risen = 0;
  private ticked = 0;
  private cancelTimer = () => {};
  /** Ends the wait for WebRTC to connect; null before it. */
  private cancelPath: (() => void) | null = null;

  /** pinned: the only path there is to be, and why; null for the best. */
  constructor(
    private readonly clock: Clock,
    private pinned: { rung: Rung; why: Reason } | null,
    private readonly actions: LadderActions,
  ) {
    this.rung = this.home;
  }

  /** The path that is seen. */
  get shown(): Rung {
    return this.rung;
  }

  /** Why it is that one, where that is not because it is the best; null while that is found out. */
  get why(): Reason | null {
    return this.reason;
  }

  /** Another path is the only one there is to be, or none: from the next socket on. */
  pin(pinned: { rung: Rung; why: Reason } | null): void {
    this.pinned = pinned;
  }

  /** Another socket begins, with pictures on it unless WebRTC is the only path. */
  begin(): void {
    // The last picture that was seen is newer than what the path to come has shown before.
    this.enter(this.rung === this.home ? "socket" : "landing");
    this.endWait();
    this.obstacle = BLOCKED;
    this.connected = false;
    this.delivery.reset();
    this.reason = this.pinned?.why ?? null;
    this.see(this.rung);
  }

  /** The server has offered WebRTC; a further attempt makes the wait no longer. */
  offered(): void {
    if (this.connected) return;
    this.cancelPath ??= this.clock.after(NO_PATH, () => this.explain(this.obstacle));
  }

  /** Something is known that keeps WebRTC from getting through. */
  hinder(obstacle: Reason): void {
    const told = this.reason === this.obstacle;
    this.obstacle = obstacle;
    if (told) this.explain(this.obstacle);
  }

  /** Whether WebRTC is connected, its channels included. */
  connect(connected: boolean): void {
    if (connected === this.connected) return;
    this.connected = connected;
    this.delivery.reset();
    if (connected) {
      this.endWait();
      if (this.reason === this.obstacle) this.explain(this.pinned?.why ?? null);
      this.obstacle = BLOCKED;
    }
    if (this.pinned) return;
    if (connected) this.consider();
    else if (this.phase === "up") this.fall();
    else if (this.phase === "comparing" || this.phase === "shadow") this.retreat(0);
  }

  /** The tab is hidden, and nothing is drawn, or seen again. */
  hide(hidden: boolean): void {
    this.hidden = hidden;
    this.forgive();
    if (!hidden) this.consider();
    else if (this.phase === "comparing" || this.phase === "shadow") this.retreat(0);
  }

  /** The server says that these frames have been sent by WebRTC. */
  sent(ids: number[]): void {
    this.delivery.sent(ids, this.clock.now());
  }

  /** A frame has been shown; id is its RTP timestamp. */
  presented(rung: Rung, id?: number): void {
    if (rung === "webrtc") {
      this.delivery.presented(id);
      this.alive = this.clock.now();
      if (this.phase === "shadow") this.begun ??= this.alive;
    }
    if (rung === this.home) this.landed();
  }

  /** A probe has come back. */
  answered(rung: Rung, number: number): void {
    const probe = this.probes.find((probe) => probe.rung === rung && probe.number === number);
    if (!probe) return;
    const now = this.clock.now();
    probe.took = now - probe.at;
    if (this.phase === "up") this.probes = this.probes.filter(({ at }) => at > probe.at);
    else if (this.probes.length === 2 * PROBES && this.probes.every(({ took }) => took < Infinity)) this.judge();
  }

  /** Compares, if there is something to compare and the time has come. */
  private consider(): void {
    if (this.pinned || this.phase !== "socket" || !this.connected || this.hidden) return;
    const wait = this.rested - this.clock.now();
    if (wait > 0) {
      this.cancelTimer();
      this.cancelTimer = this.clock.after(wait, () => this.consider());
      return;
    }
    this.enter("comparing");
    this.probeBoth(PROBES);
  }

  private probeBoth(left: number): void {
    if (left === 0) {
      this.cancelTimer = this.clock.after(MISSED, () => this.judge());
      return;
    }
    // In turns: who comes first may have to wait less, or more.
    const both: Rung[] = left % 2 ? ["ws", "webrtc"] : ["webrtc", "ws"];
    for (const rung of both) this.probe(rung);
    this.cancelTimer = this.clock.after(PROBE_PAUSE, () => this.probeBoth(left - 1));
  }

  private judge(): void {
    const took = (rung: Rung) => p90(this.probes.filter((probe) => probe.rung === rung).map((probe) => probe.took));
    const webrtc = took("webrtc");
    const ws = took("ws");
    if (webrtc < Infinity && webrtc <= ws + MARGIN) return this.shadow();
    const args = [webrtc, ws].map((ms) => (ms < Infinity ? String(Math.round(ms)) : "∞"));
    this.explain({ code: "webrtc-slower", args });
    this.retreat(COMPARE_AGAIN);
  }

  private shadow(): void {
    this.enter("shadow");
    this.begun = null;
    this.actions.watch(["webrtc", "ws"]);
    const losses = this.actions.losses();
    const asked = this.clock.now();
    this.cancelTimer = every(this.clock, PROBE_PAUSE, () => {
      const now = this.clock.now();
      const overdue = this.delivery.overdue(now);
      if (overdue >= MISSED || (this.begun ?? now) - asked > SHADOW_BEGIN) this.unfit();
      else if (this.begun !== null && now - this.begun >= SHADOW && overdue === 0) void this.decide(losses);
    });
  }

  private async decide(before: Promise<number>): Promise<void> {
    this.cancelTimer();
    const lost = (await this.actions.losses()) - (await before);
    if (this.phase !== "shadow") return;
    if (lost > 0) return this.unfit();
    this.enter("up");
    this.reason = null;
    this.risen = this.alive = this.clock.now();
    this.see("webrtc");
    this.actions.watch(["webrtc"]);
    this.ticked = this.clock.now();
    this.cancelTimer = every(this.clock, WATCH, () => this.observe());
  }

  private unfit(): void {
    this.explain({ code: "webrtc-lossy", args: [] });
    this.actions.watch(["ws"]);
    this.retreat(this.longer());
  }

  /** Looks whether WebRTC, which is seen, has stalled. */
  private observe(): void {
    if (this.hidden) return;
    const now = this.clock.now();
    // A page that was itself stopped, or asleep, has no right to complain.
    if (now - this.ticked > WATCH + MISSED) this.forgive();
    this.ticked = now;
    if (now - this.risen > QUIET) this.pause = FIRST_PAUSE;
    const missed = this.probes.filter(({ at }) => now - at >= MISSED);
    const mute = this.alive < (missed[0]?.at ?? -Infinity);
    const stalled = missed.length >= (mute ? STALLED : DEAF) || this.delivery.overdue(now) >= MISSED;
    if (stalled) this.fall();
    else this.probe("webrtc");
  }

  private fall(): void {
    this.enter("falling");
    this.explain({ code: "webrtc-stalled", args: [] });
    this.actions.watch(["webrtc", "ws"]);
  }

  /** The path to begin with, and to fall back to. */
  private get home(): Rung {
    return this.pinned?.rung ?? "ws";
  }

  /** That path has a picture: it may be seen, if that was waited for. */
  private landed(): void {
    const { phase } = this;
    if (phase !== "falling" && phase !== "landing") return;
    this.see(this.home);
    if (phase === "landing") return this.retreat(0);
    this.actions.watch(["ws"]);
    this.actions.restart();
    this.retreat(this.longer());
  }

  /** Back to the socket alone; WebRTC has to rest for so many ms. */
  private retreat(rest: number): void {
    if (this.phase === "shadow" && rest === 0) this.actions.watch(["ws"]);
    this.enter("socket");
    this.rested = Math.max(this.rested, this.clock.now() + rest);
    this.consider();
  }

  /** The pause that trouble calls for; the next one is longer. */
  private longer(): number {
    const { pause } = this;
    this.pause = Math.min(2 * pause, LAST_PAUSE);
    return pause;
  }

  private enter(phase: Phase): void {
    this.cancelTimer();
    this.phase = phase;
    this.probes = [];
  }

  private see(rung: Rung): void {
    this.rung = rung;
    this.actions.show(rung);
  }

  private endWait(): void {
    this.cancelPath?.();
    this.cancelPath = null;
  }

  private explain(reason: Reason | null): void {
    this.reason = reason;
    this.actions.changed();
  }

  private forgive(): void {
    this.probes = [];
    this.delivery.forgive();
  }

  private probe(rung: Rung): void {
    const probe = { rung, number: ++this.number, at: this.clock.now(), took: Infinity };
    this.probes.push(probe);
    this.actions.probe(rung, probe.number);
  }
}

interface Probe {
  rung: Rung;
  number: number;
  at: number;
  /** Infinity: not answered. */
  took: number;
}

/** The 90th percentile, by the nearest rank. */
function p90(values: number[]): number {
  const sorted = values.sort((a, b) => a - b);
  return sorted[Math.ceil(0.9 * sorted.length) - 1] ?? Infinity;
}
