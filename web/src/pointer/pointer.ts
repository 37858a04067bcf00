/** What the mouse, a pen or a finger does, as events for the server. */

import type { Clock } from "../clock.ts";
import type { Point } from "../geometry.ts";
import { Action, HERE, MouseButton, type InputEvent } from "../wire.ts";

/** Motion goes at most this often, in ms: sooner than most mice report, and 167 a second cost the server some 2 % of a core. */
const INTERVAL = 6;
/** Motion may be lost. Where the pointer rests is said again after this, in ms, and once more. */
const REST = 150;
/** What is not accepted is tried again after this, in ms, and ever later as long as it is not. */
const RETRY = 2;
const MAX_RETRY = 16;
/** The wire counts relative motion in parts of a remote pixel. */
const PARTS = 16;
/** X keysym of the left Control key. */
const CONTROL = 0xffe3;

/** PointerEvent.button as the X button that it stands for. */
const buttons: Record<number, MouseButton> = {
  0: MouseButton.Left,
  1: MouseButton.Middle,
  2: MouseButton.Right,
  3: MouseButton.Back,
  4: MouseButton.Forward,
  5: MouseButton.Left, // a pen's eraser
};

type Motion = Extract<InputEvent, { type: "motion" | "relative" }>;

/** How far a wheel has turned, in 1/120 of a notch, right and down positive. */
export interface Turn {
  dx: number;
  dy: number;
}

/**
 * Sends where the pointer is, the newest position at a time, and the buttons
 * held. A pointer that is locked has no position in the tab: it says how far it
 * has moved in all, and its buttons go where it is on the desktop.
 */
export class Pointer {
  private readonly held = new Set<MouseButton>();
  private sent: Motion | null = null;
  private next: Motion | null = null;
  private at = -Infinity;
  private retry = RETRY;
  private scheduled = false;
  private cancelRest = () => {};
  private last: Point = { x: 0, y: 0 };
  private fixed = false;
  private moved: Point = { x: 0, y: 0 };

  /** send says whether an event was accepted: motion that was not is tried again. */
  constructor(
    private readonly clock: Clock,
    private readonly send: (event: InputEvent) => boolean,
  ) {}

  /** Whether a button is held. */
  get holding(): boolean {
    return this.held.size > 0;
  }

  /** Where the pointer was last, unless it was locked. */
  get position(): Point {
    return this.last;
  }

  /** Whether the pointer is locked. */
  get locked(): boolean {
    return this.fixed;
  }

  set locked(locked: boolean) {
    this.fixed = locked;
    this.next = null;
    this.cancelRest();
  }

  /** The pointer is at a position: sent at once, or as soon as the last one is old enough. */
  move(to: Point): void {
    if (this.fixed) return;
    this.last = to;
    this.say({ type: "motion", ...to });
  }

  /** The locked pointer has moved by remote pixels, or parts of them. */
  shift(by: Point): void {
    if (!this.fixed) return;
    this.moved = { x: this.moved.x + by.x * PARTS, y: this.moved.y + by.y * PARTS };
    this.say(this.total);
  }

  /** A button has gone down at a position, which does not matter while the pointer is locked. */
  down(button: number, at: Point): void {
    const which = buttons[button];
    if (which === undefined || this.held.has(which)) return;
    this.held.add(which);
    this.press(Action.Down, which, at);
  }

  /** A button has gone up at a position. */
  up(button: number, at: Point): void {
    const which = buttons[button];
    if (which === undefined || !this.held.delete(which)) return;
    this.press(Action.Up, which, at);
  }

  /** Every button is up, where the pointer was last. */
  upAll(): void {
    for (const which of this.held) this.press(Action.Up, which, this.last);
    this.held.clear();
  }

  /** The wheel has turned at a position. */
  wheel(turn: Turn, at: Point): void {
    this.send({ type: "wheel", ...turn, ...this.settle(at) });
  }

  /** The wheel has turned with Control held, although no key is: a pinch. */
  pinch(turn: Turn, at: Point): void {
    const control = (action: Action): InputEvent => ({ type: "key", action, keysym: CONTROL, code: "" });
    this.send(control(Action.Down));
    this.wheel(turn, at);
    this.send(control(Action.Up));
  }

  /** Forgets what is held: the server has been told to release everything. */
  release(): void {
    this.held.clear();
    this.next = null;
    this.sent = null;
  }

  /** Another viewer's pointer has not moved at all, but is where it is. */
  reset(): void {
    this.moved = { x: 0, y: 0 };
    if (this.next?.type === "relative") this.next = null;
    this.sent = null;
  }

  private get total(): Motion & { type: "relative" } {
    return { type: "relative", x: Math.trunc(this.moved.x), y: Math.trunc(this.moved.y) };
  }

  private press(action: Action, button: MouseButton, at: Point): void {
    this.send({ type: "button", action, button, ...this.settle(at) });
  }

  /** Makes sure that the desktop's pointer is at a position when what follows comes; returns what that has to say of it. */
  private settle(at: Point): Point {
    // The event carries its position: motion still waiting would only come late.
    this.next = null;
    if (this.fixed) {
      this.sent = this.total;
      this.send({ ...this.total, sure: true });
      return HERE;
    }
    this.last = at;
    this.sent = { type: "motion", ...at };
    return at;
  }

  private say(motion: Motion): void {
    const known = this.next ?? this.sent;
    if (known && known.type === motion.type && known.x === motion.x && known.y === motion.y) return;
    this.next = motion;
    // In a busy page a timer may be late.
    if (!this.scheduled || this.clock.now() >= this.at + INTERVAL) this.flush();
  }

  /** Says a motion again while it is the last one. */
  private rest(motion: Motion, times: number): void {
    this.cancelRest();
    if (times === 0) return;
    this.cancelRest = this.clock.after(REST, () => {
      if (this.sent !== motion || this.next) return;
      this.send(motion);
      this.rest(motion, times - 1);
    });
  }

  private flush(): void {
    const { next } = this;
    if (!next) return;
    const wait = this.at + INTERVAL - this.clock.now();
    if (wait <= 0 && this.send(next)) {
      this.at = this.clock.now();
      this.retry = RETRY;
      this.sent = next;
      this.next = null;
      this.rest(next, 2);
      return;
    }
    if (this.scheduled) return;
    this.scheduled = true;
    if (wait <= 0) this.retry = Math.min(2 * this.retry, MAX_RETRY);
    this.clock.after(Math.max(wait, this.retry), () => {
      this.scheduled = false;
      this.flush();
    });
  }
}
