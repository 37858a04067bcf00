/** The desktop's pointer as the tab shows it: by the browser, or drawn where the browser cannot. */

import { align, applyCursor, cursorStyles, HIDDEN, type Picture } from "./cursor.ts";
import type { Clock } from "../clock.ts";
import type { Point } from "../geometry.ts";
import { onRatio } from "../ratio.ts";
import type { Screen } from "../screen.ts";

/** A locked pointer that has rested for this long, in ms, is where the desktop says, all motion being there. */
const REST = 300;
/** Browsers show no cursor that is larger, in CSS pixels. */
const MAX_CURSOR = 128;
/** One that is larger than this they show only as long as all of it is over the page. */
const MAX_FREE = 32;

export class Arrow {
  private picture: Picture = HIDDEN;
  /** Each picture as the browser is given it, so that an animation is aligned once. */
  private readonly aligned = new WeakMap<Picture, { ratio: number; picture: Picture }>();
  /** The CSS cursor, as the browser has accepted it. */
  private css = "";
  /** Where the pointer is in the tab; null: elsewhere. */
  private place: Point | null = null;
  /** Where the locked pointer is on the desktop; null: it is free. */
  private remote: Point | null = null;
  private resting = true;
  private cancelRest = () => {};

  /** drawn lies over the page and lets everything through. ask: told is wanted. */
  constructor(
    private readonly clock: Clock,
    private readonly screen: Screen,
    private readonly drawn: HTMLImageElement,
    private readonly ask: () => void,
  ) {
    // The pictures are shown pixel for pixel.
    onRatio(() => this.show(this.picture));
  }

  /** The pointer looks like this now. */
  show(picture: Picture): void {
    this.picture = picture;
    this.drawn.src = picture.image && `data:image/png;base64,${picture.image}`;
    const ratio = devicePixelRatio;
    const known = this.aligned.get(picture);
    if (known?.ratio === ratio) return this.style(known.picture);
    this.style(picture);
    void align(picture, ratio).then((aligned) => {
      this.aligned.set(picture, { ratio, picture: aligned });
      if (this.picture === picture && aligned !== picture) this.style(aligned);
    });
  }

  /** The free pointer is at a position in the tab, or elsewhere. */
  at(place: Point | null): void {
    this.place = place;
    this.update();
  }

  /** The pointer is locked at a position on the desktop, or free. */
  lock(remote: Point | null): void {
    const begins = remote !== null && this.remote === null;
    this.remote = remote;
    this.cancelRest();
    this.resting = true;
    this.update();
    if (begins) this.ask();
  }

  /** The locked pointer has moved by remote pixels, as far as the desktop's edges let it. */
  shift(by: Point): void {
    if (!this.remote) return;
    this.resting = false;
    this.cancelRest();
    this.cancelRest = this.clock.after(REST, () => {
      this.resting = true;
      this.ask();
    });
    this.remote = this.screen.within({ x: this.remote.x + by.x, y: this.remote.y + by.y });
    this.update();
  }

  /** The desktop says where its pointer is. A locked one may have been put there by a program. */
  told(remote: Point): void {
    if (this.remote && this.resting) this.lock(this.screen.within(remote));
  }

  private style(picture: Picture): void {
    const { style } = this.screen.frame;
    applyCursor(style, cursorStyles(picture, devicePixelRatio));
    this.css = style.cursor;
    this.update();
  }

  private update(): void {
    const { picture, drawn, remote, place, screen } = this;
    if (remote) screen.reveal(remote);
    const at = remote ? screen.tabAt(remote) : place;
    const needed = picture.image !== "" && at !== null && (remote !== null || !shownByBrowser(picture, at));
    const { style } = screen.frame;
    const cursor = needed ? "none" : this.css;
    if (style.cursor !== cursor) style.cursor = cursor;
    drawn.hidden = !needed;
    if (!needed) return;
    const ratio = devicePixelRatio;
    // The middle of a pixel stands for it, not for the next one.
    const whole = (length: number) => Math.ceil(length * ratio - 0.5) / ratio;
    const left = whole(at.x - picture.hotX / ratio);
    const top = whole(at.y - picture.hotY / ratio);
    drawn.style.width = `${picture.width / ratio}px`;
    drawn.style.transform = `translate(${left}px, ${top}px)`;
  }
}

/** Whether a browser shows a picture as its cursor at a position. */
function shownByBrowser(picture: Picture, at: Point): boolean {
  const width = picture.width / devicePixelRatio;
  const height = picture.height / devicePixelRatio;
  const larger = Math.max(width, height);
  if (larger <= MAX_FREE) return true;
  if (larger > MAX_CURSOR) return false;
  const left = at.x - picture.hotX / devicePixelRatio;
  const top = at.y - picture.hotY / devicePixelRatio;
  return left >= 0 && top >= 0 && left + width <= innerWidth && top + height <= innerHeight;
}
