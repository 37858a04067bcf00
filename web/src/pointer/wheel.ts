/** Wheel events as 1/120 of a notch, whatever the browser counts in. */

import type { Turn } from "./pointer.ts";

/** The part of a WheelEvent that says how far. */
export interface WheelLike {
  deltaX: number;
  deltaY: number;
  /** 0 pixels, 1 lines, 2 pages. */
  deltaMode: number;
  shiftKey?: boolean;
  /** What browsers besides say of a mouse's notches: -120 for each. */
  wheelDeltaX?: number;
  wheelDeltaY?: number;
}

const NOTCH = 120;
/** How much of each unit is a notch: a mouse wheel's step is about 100 px in Chromium and three lines in Firefox. */
const PER_NOTCH = [100, 3, 1];
/** A pinch on a trackpad is told as so many px for each e-fold of the distance. */
const PER_FOLD = 100;
/** A pinch by this factor is a notch. */
const ZOOM = 1.15;
/** What turns farther at once, in px, is a wheel and not a pinch. */
const MAX_PINCH = 40;

/** Turns deltas into whole 1/120 notches and keeps the rest for the next event. */
export class Wheel {
  private x = 0;
  private y = 0;
  private readonly pinched = new Zoom();

  /** The turn since the last call, or null when it does not come to 1/120 of a notch yet. */
  add(event: WheelLike): Turn | null {
    // Asked for first: Firefox counts in pixels for pages that do not ask.
    const unit = NOTCH / (PER_NOTCH[event.deltaMode] ?? PER_NOTCH[0] ?? NOTCH);
    let x = parts(event.deltaX, unit, event.wheelDeltaX);
    let y = parts(event.deltaY, unit, event.wheelDeltaY);
    // Browsers turn a wheel sideways while Shift is held. The desktop's programs do so themselves, or otherwise.
    if (event.shiftKey && y === 0) [x, y] = [0, x];
    this.x = carry(this.x, x);
    this.y = carry(this.y, y);
    const dx = Math.trunc(this.x);
    const dy = Math.trunc(this.y);
    this.x -= dx;
    this.y -= dy;
    return dx || dy ? { dx, dy } : null;
  }

  /** The same for a pinch, which a browser reports as a wheel with a Control key that nobody holds: in whole notches. */
  pinch(event: WheelLike): Turn | null {
    const pixels = event.deltaMode === 0 && Math.abs(event.deltaY) < MAX_PINCH;
    if (!pixels) return this.add(event);
    return this.pinched.by(Math.exp(-event.deltaY / PER_FOLD));
  }
}

/** Adds up parts of notches, down positive, into whole ones. */
class Notches {
  private rest = 0;

  /** The whole notches that have come together, or null. */
  add(notches: number): Turn | null {
    this.rest = carry(this.rest, notches);
    const whole = Math.trunc(this.rest);
    this.rest -= whole;
    return whole === 0 ? null : { dx: 0, dy: whole * NOTCH };
  }
}

/** A pinch as notches. */
export class Zoom {
  private readonly notches = new Notches();

  /** The notches that have come together, or null, when things have come to be so many times as large. */
  by(factor: number): Turn | null {
    return this.notches.add(-Math.log(factor) / Math.log(ZOOM));
  }
}

/**
 * A delta in 1/120 of a notch. The size of a step in pixels depends on browser,
 * system and zoom; what says notches does not. On trackpads it is filled with
 * three times the pixels, or with nothing.
 */
function parts(delta: number, unit: number, notches: number | undefined): number {
  if (!notches || Math.abs(notches + 3 * delta) < 1) return delta * unit;
  return -notches;
}

/** The sum, unless the wheel turns the other way now: then the rest is forgotten. */
const carry = (rest: number, delta: number): number => (rest * delta < 0 ? delta : rest + delta);
