/**
 * Fingers on the picture, as what a mouse would do. The finger touches what it
 * points at:
 *
 *     a tap            a click; two taps, a double click
 *     a drag           a drag with the left button
 *     a long press     a click of the right button; the finger then moves the pointer
 *     two fingers      a tap is a click of the right button, a drag shows another part of a
 *                      desktop larger than the tab and else turns the wheel as if the
 *                      content were held, a pinch is the wheel with Control
 *     three fingers    a tap is a click of the middle button
 */

import type { Clock } from "../clock.ts";
import type { Point } from "../geometry.ts";
import type { Turn } from "./pointer.ts";
import { Wheel, Zoom } from "./wheel.ts";

/** A finger that has moved less than this, in CSS pixels, rests. */
const SLOP = 10;
/** Two fingers whose distance changes by more than this, in CSS pixels, pinch. */
const PINCH_SLOP = 24;
/** A finger that rests for this long presses long, in ms. */
const LONG = 500;
/** Several fingers tap when all are up again after this, in ms. */
const TAP = 400;
/** A second tap within this time, in ms, and distance, in CSS pixels, goes where the first one went. */
const AGAIN = 400;
const NEAR = 24;
/** Fingers that count; a hand that lies on the screen has more. */
const MAX_FINGERS = 3;
/** Content under two fingers moves by about this much for a notch, in CSS pixels. */
const PER_NOTCH = 50;

const LEFT = 0;
const MIDDLE = 1;
const RIGHT = 2;

/** What the gestures make of the desktop's pointer; positions are remote pixels. */
export interface Hand {
  move(to: Point): void;
  down(button: number, at: Point): void;
  up(button: number, at: Point): void;
  upAll(): void;
  wheel(turn: Turn, at: Point): void;
  pinch(turn: Turn, at: Point): void;
}

type Gesture =
  | "none"
  | "tap" // one finger, which has neither moved nor rested for long
  | "drag"
  | "hover" // after a long press
  | "several" // two or three, which have not moved
  | "pan"
  | "scroll"
  | "pinch"
  | "over"; // until all are up

interface Finger {
  start: Point;
  now: Point;
}

export class Touch {
  private readonly fingers = new Map<number, Finger>();
  private gesture: Gesture = "none";
  /** How many fingers there have been at once, and since when. */
  private most = 0;
  private began = 0;
  private first: Point = { x: 0, y: 0 };
  private tapped: { at: Point; time: number } | null = null;
  private wheel = new Wheel();
  private zoom = new Zoom();
  private cancelLong = () => {};

  /**
   * remote: the remote pixel under a position in the tab. pan: moves what is seen of a desktop larger
   * than the tab, in CSS pixels; false where there is no more to be seen that way.
   */
  constructor(
    private readonly clock: Clock,
    private readonly hand: Hand,
    private readonly remote: (at: Point) => Point,
    private readonly pan: (by: Point) => boolean,
  ) {}

  /** Whether a finger is on the picture. */
  get active(): boolean {
    return this.fingers.size > 0;
  }

  /** A finger has come down at a position in the tab. */
  down(id: number, at: Point): void {
    if (this.fingers.has(id) || this.fingers.size > MAX_FINGERS) return;
    this.fingers.set(id, { start: at, now: at });
    const { size } = this.fingers;
    if (size === 1) this.begin(at);
    else if (this.gesture === "tap" || this.gesture === "several") {
      this.cancelLong();
      this.gesture = size > MAX_FINGERS ? "over" : "several";
    }
    this.most = Math.max(this.most, size);
  }

  /** A finger has moved. */
  move(id: number, to: Point): void {
    const finger = this.fingers.get(id);
    if (!finger) return;
    const before = this.spread();
    finger.now = to;
    switch (this.gesture) {
      case "tap":
        if (distance(finger.start, to) > SLOP) this.drag(finger);
        return;
      case "drag":
      case "hover":
        if (finger === this.lead) this.hand.move(this.remote(to));
        return;
      case "several":
        return this.decide();
      case "pan":
      case "scroll":
      case "pinch":
        if (before) this.follow(before);
    }
  }

  /** A finger has been lifted. */
  up(id: number): void {
    const finger = this.fingers.get(id);
    if (!finger) return;
    const lead = finger === this.lead;
    this.fingers.delete(id);
    if (this.gesture === "tap") this.tap(finger.start);
    else if (this.gesture === "drag" && lead) this.hand.up(LEFT, this.remote(finger.now));
    else if (this.gesture === "several" && !this.active) this.tapSeveral();
    if (!this.active) this.end("none");
    else if (this.gesture === "drag" || this.gesture === "hover" ? lead : this.gesture !== "several") this.end("over");
  }

  /** The browser has taken a finger, or it is not known any more where it is: what was begun is given up. */
  cancel(id: number): void {
    if (!this.fingers.delete(id)) return;
    this.hand.upAll();
    this.end(this.active ? "over" : "none");
  }

  /** Gives up whatever was begun. */
  stop(): void {
    for (const id of [...this.fingers.keys()]) this.cancel(id);
  }

  /** The finger that came first, of those that are down. */
  private get lead(): Finger | undefined {
    return this.fingers.values().next().value;
  }

  private begin(at: Point): void {
    this.gesture = "tap";
    this.most = 1;
    this.began = this.clock.now();
    this.first = at;
    this.cancelLong = this.clock.after(LONG, () => {
      this.gesture = "hover";
      this.click(RIGHT, at);
    });
  }

  private end(gesture: Gesture): void {
    this.cancelLong();
    this.gesture = gesture;
  }

  private click(button: number, at: Point): void {
    this.hand.down(button, this.remote(at));
    this.hand.up(button, this.remote(at));
  }

  private tap(at: Point): void {
    const { tapped } = this;
    const time = this.clock.now();
    const again = tapped !== null && time - tapped.time < AGAIN && distance(tapped.at, at) < NEAR;
    // Programs take two clicks for a double click only where the pointer has hardly moved.
    const place = again ? tapped.at : at;
    this.tapped = { at: place, time };
    this.click(LEFT, place);
  }

  private tapSeveral(): void {
    if (this.clock.now() - this.began > TAP) return;
    this.click(this.most === 2 ? RIGHT : MIDDLE, this.first);
  }

  private drag(finger: Finger): void {
    this.end("drag");
    this.hand.down(LEFT, this.remote(finger.start));
    this.hand.move(this.remote(finger.now));
  }

  /** Where the first two fingers are together, and how far apart. */
  private spread(which: keyof Finger = "now"): { middle: Point; apart: number } | null {
    const [a, b] = [...this.fingers.values()].map((finger) => finger[which]);
    if (!a || !b) return null;
    return { middle: { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 }, apart: distance(a, b) };
  }

  /** What two fingers that have begun to move are about. */
  private decide(): void {
    const from = this.spread("start");
    const to = this.spread();
    if (!from || !to || this.most > 2) {
      const [finger] = this.fingers.values();
      if (finger && distance(finger.start, finger.now) > SLOP) this.end("over");
      return;
    }
    const moved = distance(from.middle, to.middle);
    const spread = Math.abs(to.apart - from.apart);
    if (spread > PINCH_SLOP && spread > moved) this.gesture = "pinch";
    else if (moved > SLOP && moved > spread) this.gesture = this.pan(way(from.middle, to.middle)) ? "pan" : "scroll";
    else return;
    this.wheel = new Wheel();
    this.zoom = new Zoom();
    if (this.gesture !== "pan") this.follow(from);
  }

  /** Pans, or turns the wheel, by what two fingers have done since they were as before. */
  private follow(before: { middle: Point; apart: number }): void {
    const now = this.spread();
    if (!now) return;
    if (this.gesture === "pan") {
      this.pan(way(before.middle, now.middle));
      return;
    }
    const at = this.remote(this.first);
    if (this.gesture === "pinch") {
      const turn = this.zoom.by(Math.max(1, now.apart) / Math.max(1, before.apart));
      if (turn) this.hand.pinch(turn, at);
      return;
    }
    const turn = this.wheel.add({
      deltaX: (before.middle.x - now.middle.x) / PER_NOTCH,
      deltaY: (before.middle.y - now.middle.y) / PER_NOTCH,
      deltaMode: 2,
    });
    if (turn) this.hand.wheel(turn, at);
  }
}

const distance = (a: Point, b: Point): number => Math.hypot(a.x - b.x, a.y - b.y);

/** How far what is held goes beyond the upper left edge when it is dragged from one position to another. */
const way = (from: Point, to: Point): Point => ({ x: from.x - to.x, y: from.y - to.y });
