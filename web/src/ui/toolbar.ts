/** The slim bar at the top edge: out of the way until it is approached, by pointer, touch or keyboard. */

import type { Key, Words } from "../i18n.ts";
import { element, iconButton, relabel, type Drawing } from "./dom.ts";
import { refuse } from "./refusal.ts";

/** It stays this long after it has been left, in ms. */
const LINGER = 1200;
/** It shows itself for this long at the start, in ms. */
const WELCOME = 4000;

/** A button of the bar. What changes is asked for by functions, each time that the bar is brought up to date. */
export interface Tool {
  /** Its name in the page: button[data-tool]. */
  id: string;
  icon: Drawing | (() => Drawing);
  label: Key | (() => Key);
  /** It is there on touch screens alone. */
  touch?: boolean;
  /** Whether what it opens or switches on is on; a button that only does something has none. */
  pressed?(): boolean;
  /** Whether it is of no use at the moment. */
  hidden?(): boolean;
  /** Why the rules of the desktop forbid it; "": they do not. */
  refused?(): string;
  act(): void;
}

export class Toolbar {
  readonly root: HTMLElement;
  private readonly state = element("span", { class: "state" });
  private readonly buttons: { tool: Tool; button: HTMLButtonElement; shown: string }[];
  private readonly full = () => this.update();
  private readonly unmeasure: () => void;
  private timer = 0;
  private pinned = false;

  /** leave: the person is done with the bar, and the focus goes back to the desktop. */
  constructor(
    private readonly words: Words,
    tools: readonly Tool[],
    private readonly leave: () => void,
  ) {
    const label = words.say("toolbar.label");
    const bar = element("div", { class: "pill", role: "toolbar", "aria-label": label }, this.state);
    this.buttons = tools.map((tool) => {
      const button = iconButton("close", "", () => {
        tool.act();
        this.update();
      });
      button.dataset.tool = tool.id;
      button.classList.toggle("touch-only", tool.touch === true);
      bar.append(button);
      return { tool, button, shown: "" };
    });
    const handle = element("button", { type: "button", class: "handle", "aria-label": words.say("toolbar.show") });
    handle.title = words.say("toolbar.show");
    this.root = element("div", { class: "toolbar", "data-ui": "" }, bar, handle);
    this.listen(handle);
    this.unmeasure = measure(bar);
    this.stop(this.buttons[0]?.button ?? null);
    this.update();
  }

  /** What the bar says of the connection; tone: "good", "busy" or "bad". */
  say(text: string, tone: "good" | "busy" | "bad"): void {
    if (this.state.textContent !== text) this.state.textContent = text;
    this.state.title = text;
    this.state.dataset.tone = tone;
  }

  /** Is of no use any more. */
  close(): void {
    clearTimeout(this.timer);
    document.removeEventListener("fullscreenchange", this.full);
    this.unmeasure();
  }

  /** Brings the buttons up to date. */
  update(): void {
    for (const entry of this.buttons) {
      const { tool, button } = entry;
      const drawing = now(tool.icon);
      const label = this.words.say(now(tool.label));
      if (entry.shown !== drawing + label) relabel(button, drawing, label);
      entry.shown = drawing + label;
      button.hidden = tool.hidden?.() ?? false;
      refuse(button, tool.refused?.() ?? "", label);
      if (tool.pressed) button.setAttribute("aria-pressed", String(tool.pressed()));
    }
  }

  /** Shows itself for a moment. */
  welcome(): void {
    this.show();
    this.hideIn(WELCOME);
  }

  /** Keeps it shown, or lets it hide again. */
  pin(pinned: boolean): void {
    if (pinned === this.pinned) return;
    this.pinned = pinned;
    if (pinned) this.show();
    else this.hideIn(LINGER);
  }

  /** Takes the focus. */
  focus(): void {
    this.show();
    const there = this.buttons.map(({ button }) => button).filter((button) => button.offsetParent !== null);
    (there.find((button) => button.tabIndex === 0) ?? there[0])?.focus();
  }

  private listen(handle: HTMLButtonElement): void {
    const { root } = this;
    handle.addEventListener("click", () => this.focus());
    root.addEventListener("pointerenter", () => this.show());
    root.addEventListener("pointerleave", () => this.hideIn(LINGER));
    root.addEventListener("focusin", ({ target }) => {
      this.show();
      this.stop(target);
    });
    root.addEventListener("focusout", () => this.hideIn(LINGER));
    root.addEventListener("keydown", (event) => travel(root, event, this.leave));
    document.addEventListener("fullscreenchange", this.full);
  }

  /** Tab stops at one button alone, the one that had the focus last: the arrows lead to the others. */
  private stop(at: EventTarget | null): void {
    const known = this.buttons.some(({ button }) => button === at);
    for (const { button } of this.buttons) if (known) button.tabIndex = button === at ? 0 : -1;
  }

  private show(): void {
    clearTimeout(this.timer);
    this.root.classList.add("shown");
  }

  private hideIn(ms: number): void {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => {
      // A mouse that is locked is where it was, for the style sheets.
      const pointed = this.root.matches(":hover") && !document.pointerLockElement;
      const used = pointed || this.root.contains(document.activeElement);
      if (!used && !this.pinned) this.root.classList.remove("shown");
    }, ms);
  }
}

/** Tells the style sheet how high a bar is, for panels begin below it, until what is returned is called. */
export function measure(bar: HTMLElement): () => void {
  const observer = new ResizeObserver(([entry]) => {
    const height = entry?.borderBoxSize[0]?.blockSize;
    if (height) document.documentElement.style.setProperty("--bar", `${height}px`);
  });
  observer.observe(bar);
  return () => observer.disconnect();
}

/** A fixed value, or what a function returns now. */
function now<T extends string>(value: T | (() => T)): T {
  return typeof value === "function" ? value() : value;
}

/** What keys do in a toolbar: arrows go from one of its controls to the next, Escape leaves (ARIA toolbar pattern). */
export function travel(root: HTMLElement, event: KeyboardEvent, leave: () => void): void {
  const controls = [...root.querySelectorAll<HTMLElement>(".pill button, .pill a")].filter(
    (control) => control.offsetParent !== null,
  );
  const at = controls.findIndex((control) => control === document.activeElement);
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  const end = { Home: 0, End: controls.length - 1 }[event.key];
  if (step) controls[(at + step + controls.length) % controls.length]?.focus();
  else if (end !== undefined) controls[end]?.focus();
  else if (event.key === "Escape") leave();
  else return;
  event.preventDefault();
}
