/** Which part of a desktop is seen that is shown one to one and is larger than the tab. Lengths are CSS pixels. */

import type { Point, Size } from "./geometry.ts";

/** The pointer pans this near to an edge. */
const EDGE = 28;
/** At the edge itself it pans this far in a second; at the distance of EDGE not at all. */
const SPEED = 1600;
/** A frame that comes late pans no further than one of this many ms. */
const LATE = 50;

/** Calls back before the next frame is drawn; what it returns calls that off. */
export type NextFrame = (fn: (ms: number) => void) => () => void;

export const nextFrame: NextFrame = (fn) => {
  const id = requestAnimationFrame(fn);
  return () => cancelAnimationFrame(id);
};

export class Panning {
  private tab: Size = { width: 0, height: 0 };
  private most: Point = { x: 0, y: 0 };
  private offset: Point = { x: 0, y: 0 };
  private pointer: Point | null = null;
  private last = 0;
  private stop: (() => void) | null = null;

  /** panned: another part is seen. pointer: where it is in the tab, if it was this that moved the picture under it. */
  constructor(
    private readonly next: NextFrame,
    private readonly panned: (pointer: Point | null) => void,
  ) {}

  /** How much of the picture is beyond the tab's left and top edge. */
  get at(): Point {
    return this.offset;
  }

  /** How much can be: 0 where all of it is seen. */
  get room(): Point {
    return this.most;
  }

  /** The picture and the part of the tab that shows it have these sizes; what was seen stays seen if it can. */
  fit(picture: Size, tab: Size): void {
    // A part of a pixel is nothing to pan for.
    const beyond = (length: number, room: number) => (length - room >= 1 ? length - room : 0);
    this.tab = tab;
    this.most = { x: beyond(picture.width, tab.width), y: beyond(picture.height, tab.height) };
    this.offset = this.within(this.offset);
  }

  /** Shows another part; false where there is no more to show that way. */
  by({ x, y }: Point): boolean {
    return this.go({ x: this.offset.x + x, y: this.offset.y + y }, null);
  }

  /** Shows the part that is so far from the picture's left and top edge; false if it is seen already. */
  to(offset: Point): boolean {
    return this.go(offset, null);
  }

  /** Shows the part that a position in the picture is in, with some of what is around it. */
  reveal({ x, y }: Point): void {
    const { tab, offset } = this;
    const along = (at: number, had: number, length: number) =>
      Math.max(at + EDGE - length, Math.min(had, at - EDGE));
    this.to({ x: along(x, offset.x, tab.width), y: along(y, offset.y, tab.height) });
  }

  /** The pointer is at a position in the tab, or elsewhere: near an edge it pans, for as long as it is there. */
  point(at: Point | null): void {
    this.pointer = at;
    const { x, y } = this.speed();
    if (x === 0 && y === 0) {
      this.stop?.();
      this.stop = null;
    } else this.stop ??= this.next((ms) => this.begin(ms));
  }

  private begin(ms: number): void {
    this.last = ms;
    this.stop = this.next((now) => this.step(now));
  }

  private step(ms: number): void {
    this.stop = null;
    const seconds = Math.min(ms - this.last, LATE) / 1000;
    this.last = ms;
    const { x, y } = this.speed();
    const moved = this.go({ x: this.offset.x + x * seconds, y: this.offset.y + y * seconds }, this.pointer);
    if (moved) this.stop = this.next((now) => this.step(now));
  }

  /** How fast the pointer pans where it is, in CSS pixels a second. */
  private speed(): Point {
    const { pointer, tab, most, offset } = this;
    if (!pointer) return { x: 0, y: 0 };
    const along = (at: number, length: number, had: number, room: number) => {
      const near = (distance: number) => (SPEED * (EDGE - Math.max(0, distance))) / EDGE;
      if (at < EDGE && had > 0) return -near(at);
      if (length - at < EDGE && had < room) return near(length - at);
      return 0;
    };
    return { x: along(pointer.x, tab.width, offset.x, most.x), y: along(pointer.y, tab.height, offset.y, most.y) };
  }

  private go(to: Point, pointer: Point | null): boolean {
    const { x, y } = this.within(to);
    if (x === this.offset.x && y === this.offset.y) return false;
    this.offset = { x, y };
    this.panned(pointer);
    return true;
  }

  private within({ x, y }: Point): Point {
    const { most } = this;
    return { x: Math.max(0, Math.min(x, most.x)), y: Math.max(0, Math.min(y, most.y)) };
  }
}
