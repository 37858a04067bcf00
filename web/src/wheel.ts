/** Wheel events as 1/120 of a notch, whatever unit the browser counts in. */

/** The part of a WheelEvent that says how far. */
export interface WheelLike {
  deltaX: number;
  deltaY: number;
  /** 0 pixels, 1 lines, 2 pages. */
  deltaMode: number;
}

const NOTCH = 120;
/** How much of each unit is a notch: a mouse wheel's step is about 100 px in Chromium and three lines in Firefox. */
const PER_NOTCH = [100, 3, 1];

/** Turns deltas into whole 1/120 notches and keeps the rest for the next event. */
export class Wheel {
  private x = 0;
  private y = 0;

  /** The turn since the last call, or null when it does not come to 1/120 of a notch yet. */
  add(event: WheelLike): { dx: number; dy: number } | null {
    const unit = NOTCH / (PER_NOTCH[event.deltaMode] ?? PER_NOTCH[0] ?? NOTCH);
    this.x = carry(this.x, event.deltaX * unit);
    this.y = carry(this.y, event.deltaY * unit);
    const dx = Math.trunc(this.x);
    const dy = Math.trunc(this.y);
    this.x -= dx;
    this.y -= dy;
    return dx || dy ? { dx, dy } : null;
  }
}

/** The sum, unless the wheel turns the other way now: then the rest is forgotten. */
const carry = (rest: number, delta: number): number => (rest * delta < 0 ? delta : rest + delta);
