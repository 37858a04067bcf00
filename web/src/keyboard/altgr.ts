/** AltGr as Windows reports it. */

import type { Clock } from "../clock.ts";
import type { KeyStroke, Platform } from "./stroke.ts";

/** How far apart the two events of an AltGr press may be, in ms. */
const APART = 50;

/**
 * Windows sends AltGr as left Control and right Alt. The Control is held back
 * for a moment, and dropped when the Alt follows.
 */
export class AltGr {
  private held: { stroke: KeyStroke; cancel: () => void } | null = null;

  /** press is given the Control that was one. */
  constructor(
    private readonly clock: Clock,
    private readonly platform: Platform,
    private readonly press: (control: KeyStroke) => void,
  ) {}

  /** Takes the stroke of a key that goes down, fresh if it was up; true: it is held back. */
  take(stroke: KeyStroke, fresh: boolean): boolean {
    const { held } = this;
    if (held && stroke.code === "AltRight" && stroke.timeStamp - held.stroke.timeStamp <= APART) {
      this.drop();
      return false;
    }
    this.flush();
    const suspect = this.platform === "windows" && stroke.code === "ControlLeft" && fresh && !stroke.repeat;
    if (suspect) this.held = { stroke, cancel: this.clock.after(APART, () => this.flush()) };
    return suspect;
  }

  /** What is held back goes down now: something else follows. */
  flush(): void {
    const { held } = this;
    this.drop();
    if (held) this.press(held.stroke);
  }

  /** What is held back does not go down. */
  drop(): void {
    this.held?.cancel();
    this.held = null;
  }
}
