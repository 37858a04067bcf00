/** The slim bar at the top edge: out of the way until it is approached, by pointer, touch or keyboard. */

import { toggleFullscreen } from "../src/fullscreen.ts";
import { element, iconButton } from "../src/ui/dom.ts";
import { measure, travel } from "../src/ui/toolbar.ts";
import type { VNCWords } from "./words.ts";

/** It stays this long after it has been left, in ms. */
const LINGER = 1200;

export interface BarActions {
  clipboard(): void;
  reconnect(): void;
  /** The person is done with the bar: the focus goes back to the desktop. */
  leave(): void;
}

export class Bar {
  readonly root: HTMLElement;
  private readonly state = element("span", { class: "state", role: "status" });
  private readonly full: HTMLButtonElement;
  private timer = 0;
  private pinned = true;

  constructor(words: VNCWords, actions: BarActions) {
    this.full = iconButton("fullscreen", words.say("toolbar.fullscreen"), () => void toggleFullscreen());
    const bar = element(
      "div",
      { class: "pill", role: "toolbar", "aria-label": words.say("toolbar.label") },
      this.state,
      this.full,
      iconButton("clipboard", words.say("toolbar.clipboard"), actions.clipboard),
      iconButton("reconnect", words.say("toolbar.reconnect"), actions.reconnect),
      element("a", { href: "../" }, words.own("back")),
      element("a", { href: "licences.txt", class: "note", target: "_blank" }, words.own("licence")),
    );
    measure(bar);
    const show = words.say("toolbar.show");
    const handle = element("button", { type: "button", class: "handle", "aria-label": show, title: show });
    this.root = element("div", { class: "toolbar shown", "data-ui": "" }, bar, handle);
    handle.addEventListener("click", () => this.focus());
    this.root.addEventListener("pointerenter", () => this.show());
    this.root.addEventListener("pointerleave", () => this.hideSoon());
    this.root.addEventListener("focusin", () => this.show());
    this.root.addEventListener("focusout", () => this.hideSoon());
    this.root.addEventListener("keydown", (event) => travel(this.root, event, actions.leave));
  }

  /** What the bar says of the connection; tone: "good", "busy" or "bad". */
  say(text: string, tone: "good" | "busy" | "bad"): void {
    if (this.state.textContent !== text) this.state.textContent = text;
    this.state.title = text;
    this.state.dataset.tone = tone;
  }

  /** Keeps it shown, or lets it hide again. */
  pin(pinned: boolean): void {
    if (pinned === this.pinned) return;
    this.pinned = pinned;
    if (pinned) this.show();
    else this.hideSoon();
  }

  /** Takes the focus. */
  focus(): void {
    this.show();
    this.full.focus();
  }

  private show(): void {
    clearTimeout(this.timer);
    this.root.classList.add("shown");
  }

  private hideSoon(): void {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => {
      const used = this.root.matches(":hover") || this.root.contains(document.activeElement);
      if (!used && !this.pinned) this.root.classList.remove("shown");
    }, LINGER);
  }
}
