/** What the mouse, a pen or a finger does, as events for the server. */

import type { Clock } from "./clock.ts";
import type { Point } from "./geometry.ts";
import { Action, MouseButton, type InputEvent } from "./wire.ts";

/** Motion goes at most this often, in ms. */
const INTERVAL = 4;
/** Motion may be lost. Where the pointer rests is said again after this, in ms, and once more. */
const REST = 150;

/** MouseEvent.button as the X button that it stands for. */
const buttons: Record<number, MouseButton> = {
  0: MouseButton.Left,
  1: MouseButton.Middle,
  2: MouseButton.Right,
  3: MouseButton.Back,
  4: MouseButton.Forward,
};

/** Sends positions, the newest one at a time, and the buttons held. */
export class Pointer {
  private readonly held = new Set<MouseButton>();
  private sent: Point | null = null;
  private next: Point | null = null;
  private at = -Infinity;
  private scheduled = false;
  private cancelRest = () => {};
  private last: Point = { x: 0, y: 0 };

  /** send says whether an event was accepted: motion that was not is tried again. */
  constructor(
    private readonly clock: Clock,
    private readonly send: (event: InputEvent) => boolean,
  ) {}

  /** Whether a button is held. */
  get holding(): boolean {
    return this.held.size > 0;
  }

  /** The pointer is at a position: sent at once, or as soon as the last one is old enough. */
  move(to: Point): void {
    this.last = to;
    const known = this.next ?? this.sent;
    if (known && known.x === to.x && known.y === to.y) return;
    this.next = to;
    if (!this.scheduled) this.flush();
  }

  /** A button has gone down at a position. */
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
  wheel(turn: { dx: number; dy: number }, at: Point): void {
    this.last = at;
    this.send({ type: "wheel", ...turn, ...at });
  }

  /** Forgets what is held: the server has been told to release everything. */
  release(): void {
    this.held.clear();
    this.next = null;
    this.sent = null;
  }

  private press(action: Action, button: MouseButton, at: Point): void {
    this.last = at;
    // The event carries its position: motion still waiting would only come late.
    this.next = null;
    this.sent = at;
    this.send({ type: "button", action, button, ...at });
  }

  /** Says a position again while the pointer is there. */
  private rest(at: Point, times: number): void {
    this.cancelRest();
    if (times === 0) return;
    this.cancelRest = this.clock.after(REST, () => {
      if (this.sent !== at || this.next) return;
      this.send({ type: "motion", ...at });
      this.rest(at, times - 1);
    });
  }

  private flush(): void {
    const { next } = this;
    if (!next) return;
    const wait = this.at + INTERVAL - this.clock.now();
    if (wait <= 0 && this.send({ type: "motion", ...next })) {
      this.at = this.clock.now();
      this.sent = next;
      this.next = null;
      this.rest(next, 2);
      return;
    }
    this.scheduled = true;
    this.clock.after(Math.max(wait, INTERVAL / 2), () => {
      this.scheduled = false;
      this.flush();
    });
  }
}
