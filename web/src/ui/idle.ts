/** Says that the platform will soon stop a desktop that nobody uses, and lets the person prevent it. */

import { every, type Clock } from "../clock.ts";
import type { Words } from "../i18n.ts";
import { write } from "./dialog.ts";
import { element } from "./dom.ts";

/** How long a desktop is kept running at the person's wish, in minutes. */
const KEEP = 480;

export class IdleBanner {
  readonly root: HTMLElement;
  private readonly text = element("strong");
  private readonly left = element("span", { "aria-hidden": "true" });
  private end = 0; // by the clock
  private stop = () => {};

  /** awake: the desktop is to count as in use for so many minutes more, 0 for being used now. */
  constructor(
    private readonly words: Words,
    private readonly clock: Clock,
    awake: (minutes: number) => void,
  ) {
    const here = element("button", { type: "button", class: "primary" }, words.say("idle.here"));
    const keep = element("button", { type: "button" }, words.say("idle.keep", words.number(KEEP / 60)));
    here.addEventListener("click", () => awake(0));
    keep.addEventListener("click", () => awake(KEEP));
    this.root = element("div", { class: "ending", "data-ui": "", role: "alert", hidden: "" }, this.text, this.left, here, keep);
  }

  /** The desktop will be stopped in so many milliseconds; 0: it will not. */
  show(left: number): void {
    this.stop();
    this.root.hidden = left === 0;
    if (left === 0) return;
    this.end = this.clock.now() + left;
    // By the browser's own clock, right or not: it is the one that the person sees.
    const time = new Date(Date.now() + left).toLocaleTimeString(this.words.language, { timeStyle: "short" });
    write(this.text, this.words.say("idle.ends", time));
    this.count();
    this.stop = every(this.clock, 1000, () => this.count());
  }

  /** Goes from the page. */
  close(): void {
    this.stop();
  }

  private count(): void {
    const seconds = Math.max(0, Math.round((this.end - this.clock.now()) / 1000));
    write(this.left, `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`);
  }
}
