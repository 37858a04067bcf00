/** The scroll bars of a desktop larger than the tab (ARIA scrollbar): by pointer, finger and keyboard. */

import type { Point } from "../geometry.ts";
import type { Words } from "../i18n.ts";
import { element } from "./dom.ts";

/** An arrow key moves by this, in CSS pixels. */
const STEP = 48;
/** The least length of what is dragged, in percent. */
const LEAST = 8;

export interface Scrolled {
  /** How much is beyond the tab's left and top edge, and how much can be. */
  readonly at: Point;
  readonly room: Point;
  to(offset: Point): boolean;
}

type Axis = "x" | "y";

export class Scrollbars {
  readonly root: HTMLElement;
  private readonly bars: readonly Scrollbar[];

  /** leave: the person is done with them. */
  constructor(words: Words, scrolled: Scrolled, leave: () => void) {
    this.bars = (["x", "y"] as const).map(
      (axis) => new Scrollbar(axis, words.say(`scrollbar.${axis}`), scrolled, leave),
    );
    this.root = element("div", { class: "scrollbars", "data-ui": "" }, ...this.bars.map(({ root }) => root));
    this.update();
  }

  /** Shows where the picture is. */
  update(): void {
    for (const bar of this.bars) bar.update();
    // The corner between the two belongs to neither.
    this.root.classList.toggle("both", this.bars.every(({ root }) => !root.hidden));
  }
}

class Scrollbar {
  readonly root: HTMLElement;
  private readonly thumb = element("div", { class: "thumb" });
  /** What was dragged where, when the drag began. */
  private grip: { from: number; at: number } | null = null;

  constructor(
    private readonly axis: Axis,
    label: string,
    private readonly scrolled: Scrolled,
    private readonly leave: () => void,
  ) {
    this.root = element(
      "div",
      {
        class: `scrollbar ${axis}`,
        role: "scrollbar",
        tabindex: "0",
        "aria-label": label,
        "aria-controls": "screen",
        "aria-orientation": axis === "x" ? "horizontal" : "vertical",
        "aria-valuemin": "0",
        "aria-valuemax": "100",
        hidden: "",
      },
      this.thumb,
    );
    this.root.addEventListener("keydown", (event) => this.key(event));
    this.root.addEventListener("pointerdown", (event) => this.grasp(event));
    this.root.addEventListener("pointermove", (event) => this.drag(event));
    this.root.addEventListener("pointerup", () => (this.grip = null));
    this.root.addEventListener("pointercancel", () => (this.grip = null));
  }

  private get at(): number {
    return this.scrolled.at[this.axis];
  }

  private get room(): number {
    return this.scrolled.room[this.axis];
  }

  /** How much of the picture is seen, in CSS pixels: as much as the bar is long. */
  private get page(): number {
    return this.axis === "x" ? this.root.clientWidth : this.root.clientHeight;
  }

  update(): void {
    const { root, thumb, axis } = this;
    root.hidden = this.room === 0;
    if (root.hidden) return;
    const length = Math.max(LEAST, (100 * this.page) / (this.page + this.room));
    const done = this.at / this.room;
    thumb.style[axis === "x" ? "width" : "height"] = `${length}%`;
    thumb.style[axis === "x" ? "left" : "top"] = `${done * (100 - length)}%`;
    root.setAttribute("aria-valuenow", String(Math.round(100 * done)));
  }

  private to(at: number): void {
    this.scrolled.to({ ...this.scrolled.at, [this.axis]: at });
  }

  private key(event: KeyboardEvent): void {
    const { axis, at, page, room } = this;
    const [back, on] = axis === "x" ? ["ArrowLeft", "ArrowRight"] : ["ArrowUp", "ArrowDown"];
    const to = { [back]: at - STEP, [on]: at + STEP, PageUp: at - page, PageDown: at + page, Home: 0, End: room }[event.key];
    if (to !== undefined) this.to(to);
    else if (event.key === "Escape") this.leave();
    else return;
    event.preventDefault();
  }

  private along(event: PointerEvent): number {
    const { left, top } = this.root.getBoundingClientRect();
    return this.axis === "x" ? event.clientX - left : event.clientY - top;
  }

  private grasp(event: PointerEvent): void {
    if (event.button !== 0) return;
    event.preventDefault();
    this.root.setPointerCapture(event.pointerId);
    const from = this.along(event);
    if (event.target !== this.thumb) this.to((from / this.page) * (this.page + this.room) - this.page / 2);
    this.grip = { from, at: this.at };
  }

  private drag(event: PointerEvent): void {
    const { grip } = this;
    if (!grip) return;
    // As far as the thumb goes the picture goes as well, to its end.
    const way = this.page - this.thumb[this.axis === "x" ? "clientWidth" : "clientHeight"];
    if (way > 0) this.to(grip.at + ((this.along(event) - grip.from) * this.room) / way);
  }
}
