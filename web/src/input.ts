/**
 * The one way of input events to the server, whatever carries them at the
 * moment. Every event has its number in one sequence. Those that must arrive
 * are kept until the server has acknowledged them and are sent again when the
 * channel changes; the server drops what it has seen already.
 */

import type { Clock } from "./clock.ts";
import { isModifier } from "./keysym.ts";
import { Action, encode, type InputEvent } from "./wire.ts";

type KeyEvent = Extract<InputEvent, { type: "key" }>;

/** Something that carries bytes. */
export interface Channel {
  /** Bytes accepted and not yet handed to the network. */
  readonly bufferedAmount: number;
  send(bytes: Uint8Array<ArrayBuffer>): void;
}

/** Unacknowledged events kept, at most. */
const MAX_PENDING = 512;
/** Bytes that may wait in a channel before newer motion had better replace them: a few messages. Mostly none do. */
const MAX_WAITING = 64;
/** How long the server may stay silent before repeats are held back, in ms. */
const STALL = 500;

export class InputSender {
  private sequence = 0;
  private pending: { sequence: number; sent: number; event: InputEvent; bytes: Uint8Array<ArrayBuffer> }[] = [];
  /** The keys that are down by what has been acknowledged, and what the next viewer is to do first. */
  private readonly held = new Map<string, KeyEvent>();
  private unheard: InputEvent[] = [];
  private reliable: Channel | null = null;
  private lossy: Channel | null = null;

  /** quiet says whether the server has not answered for STALL ms on another channel. */
  constructor(
    private readonly clock: Clock,
    private readonly quiet: (ms: number) => boolean,
  ) {}

  /** Sends from now on by these channels. What is unacknowledged goes again if the reliable one is another. */
  use(reliable: Channel | null, lossy: Channel | null): void {
    const changed = reliable !== this.reliable;
    this.reliable = reliable;
    this.lossy = lossy;
    if (!changed || !reliable) return;
    for (const event of this.pending) put(reliable, event.bytes);
    for (const event of this.unheard.splice(0)) this.sendReliable(event);
  }

  /**
   * Another socket is another viewer, for whom nothing is held. If the server says up to
   * where it has handled what the former one was sent, the keys after that are typed by this
   * one; else, with 0, they are dropped rather than typed twice.
   */
  reset(handled: number): void {
    this.acknowledge(handled);
    const events = this.pending.map(({ event }) => event);
    this.unheard = handled > 0 ? typedAgain([...this.held.values()], events) : [];
    this.held.clear();
    this.pending = [];
    this.sequence = 0;
  }

  /** The server has handled every reliable event up to seq. */
  acknowledge(seq: number): void {
    const first = this.pending.findIndex(({ sequence }) => sequence > seq);
    for (const { event } of this.pending.splice(0, first < 0 ? this.pending.length : first)) hold(this.held, event);
  }

  /** How many reliable events are unacknowledged. */
  get unacknowledged(): number {
    return this.pending.length;
  }

  /** Whether events seem not to get through at the moment. */
  get stalled(): boolean {
    const oldest = this.pending[0];
    return (
      (oldest !== undefined && this.clock.now() - oldest.sent > STALL) ||
      (this.reliable?.bufferedAmount ?? 0) > 0 ||
      (this.lossy?.bufferedAmount ?? 0) > 0 ||
      this.quiet(STALL)
    );
  }

  /** Sends an event; false if it has been dropped. */
  send(event: InputEvent): boolean {
    if (!this.reliable || !this.lossy) return false;
    switch (event.type) {
      case "motion":
        return this.sendMotion(event, this.lossy);
      case "relative":
        if (!event.sure) return this.sendMotion(event, this.lossy);
        break;
      case "renew":
        return this.sendLossy(event);
      case "key":
        if (event.action === Action.Repeat) return !this.stalled && this.sendLossy(event);
        break;
    }
    if (this.pending.length >= MAX_PENDING) {
      // Too much to send again: one release stands for all of it, so that
      // nothing stays held on the other side.
      this.pending = [];
      this.held.clear();
      this.sendReliable({ type: "release" });
    }
    this.sendReliable(event);
    return true;
  }

  private sendMotion(event: InputEvent, { bufferedAmount }: Channel): boolean {
    return bufferedAmount <= MAX_WAITING && this.sendLossy(event);
  }

  private sendLossy(event: InputEvent): boolean {
    put(this.lossy, encode(event, ++this.sequence, this.clock.now()));
    return true;
  }

  private sendReliable(event: InputEvent): void {
    const now = this.clock.now();
    const bytes = encode(event, ++this.sequence, now);
    this.pending.push({ sequence: this.sequence, sent: now, event, bytes });
    put(this.reliable, bytes);
  }
}

/** Notes which keys are down after an event. */
function hold(held: Map<string, KeyEvent>, event: InputEvent): void {
  if (event.type === "release") held.clear();
  if (event.type !== "key") return;
  const id = event.code || String(event.keysym);
  if (event.action === Action.Down) held.set(id, event);
  else if (event.action === Action.Up) held.delete(id);
}

/** What events type, for a keyboard on which nothing is held: with the modifiers that were, and with nothing held after it. */
function typedAgain(before: KeyEvent[], events: InputEvent[]): InputEvent[] {
  const held = new Map<string, KeyEvent>();
  const typed: InputEvent[] = [];
  const up = (event: KeyEvent): KeyEvent => ({ ...event, action: Action.Up });
  const modifiers = before.filter(isModifier);
  for (const event of [...modifiers, ...events]) {
    if (event.type === "release") typed.push(...[...held.values()].map(up));
    else if (event.type === "text" || event.type === "locks") typed.push(event);
    else if (event.type !== "key") continue;
    else if (event.action === Action.Down || held.has(event.code || String(event.keysym))) typed.push(event);
    hold(held, event);
  }
  typed.push(...[...held.values()].map(up));
  return typed.some((event) => event.type === "text" || (event.type === "key" && !isModifier(event))) ? typed : [];
}

/** Sends bytes, or not: a channel that has closed a moment ago throws, and is about to be replaced. */
function put(channel: Channel | null, bytes: Uint8Array<ArrayBuffer>): void {
  try {
    channel?.send(bytes);
  } catch {
    // What must arrive is kept and goes again by the next channel.
  }
}
