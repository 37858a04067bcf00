/** The slim bar at the top edge: out of the way until it is approached, by pointer, touch or keyboard. */

import type { ResizeMode } from "../geometry.ts";
import type { Words } from "../i18n.ts";
import { element, iconButton, relabel } from "./dom.ts";

/** It stays this long after it has been left, in ms. */
const LINGER = 1200;
/** It shows itself for this long at the start, in ms. */
const WELCOME = 4000;

export interface ToolbarActions {
  clipboard(): void;
  keyboard(): void;
  stats(): void;
  route(): void;
  settings(): void;
  resize(mode: ResizeMode): void;
  reconnect(): void;
  /** The person is done with the bar: the focus goes back to the desktop. */
  leave(): void;
}

const modes: ResizeMode[] = ["remote", "scale", "off"];

export class Toolbar {
  readonly root: HTMLElement;
  private readonly state = element("span", { class: "state", role: "status" });
  private readonly size: HTMLButtonElement;
  private readonly full: HTMLButtonElement;
  private readonly clip: HTMLButtonElement;
  private readonly stats: HTMLButtonElement;
  private readonly route: HTMLButtonElement;
  private readonly settings: HTMLButtonElement;
  private timer = 0;
  private pinned = false;

  constructor(
    private readonly words: Words,
    private mode: ResizeMode,
    private readonly actions: ToolbarActions,
  ) {
    this.size = iconButton(mode, "", () => this.nextMode());
    this.full = iconButton("fullscreen", words.say("toolbar.fullscreen"), () => void toggleFullscreen());
    this.clip = iconButton("clipboard", words.say("toolbar.clipboard"), actions.clipboard);
    this.stats = iconButton("stats", words.say("toolbar.stats"), actions.stats);
    this.route = iconButton("route", words.say("toolbar.route"), actions.route);
    this.settings = iconButton("settings", words.say("toolbar.settings"), actions.settings);
    const keyboard = iconButton("keyboard", words.say("toolbar.keyboard"), actions.keyboard);
    keyboard.classList.add("touch-only");
    const again = iconButton("reconnect", words.say("toolbar.reconnect"), actions.reconnect);
    const label = words.say("toolbar.label");
    const bar = element("div", { class: "pill", role: "toolbar", "aria-label": label });
    bar.append(this.state, this.full, this.size, this.clip, keyboard, this.stats, this.route, this.settings, again);
    const handle = element("button", { type: "button", class: "handle", "aria-label": words.say("toolbar.show") });
    handle.title = words.say("toolbar.show");
    this.root = element("div", { class: "toolbar", "data-ui": "" }, bar, handle);
    this.showMode();
    this.listen(handle);
  }

  /** What the bar says of the connection; tone: "good", "busy" or "bad". */
  say(text: string, tone: "good" | "busy" | "bad"): void {
    if (this.state.textContent !== text) this.state.textContent = text;
    this.state.title = text;
    this.state.dataset.tone = tone;
  }

  /** Whether screen readers are told what the bar says. */
  speak(aloud: boolean): void {
    this.state.setAttribute("aria-live", aloud ? "polite" : "off");
  }

  /** Marks the buttons whose panels are open. */
  mark(open: { clipboard: boolean; stats: boolean; route: boolean; settings: boolean }): void {
    this.clip.setAttribute("aria-pressed", String(open.clipboard));
    this.stats.setAttribute("aria-pressed", String(open.stats));
    this.route.setAttribute("aria-pressed", String(open.route));
    this.settings.setAttribute("aria-pressed", String(open.settings));
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
    this.full.focus();
  }

  private listen(handle: HTMLButtonElement): void {
    const { root } = this;
    handle.addEventListener("click", () => this.focus());
    root.addEventListener("pointerenter", () => this.show());
    root.addEventListener("pointerleave", () => this.hideIn(LINGER));
    root.addEventListener("focusin", () => this.show());
    root.addEventListener("focusout", () => this.hideIn(LINGER));
    root.addEventListener("keydown", (event) => travel(root, event, this.actions.leave));
    document.addEventListener("fullscreenchange", () => {
      const full = document.fullscreenElement !== null;
      relabel(this.full, full ? "window" : "fullscreen", this.words.say(full ? "toolbar.window" : "toolbar.fullscreen"));
    });
  }

  private show(): void {
    clearTimeout(this.timer);
    this.root.classList.add("shown");
  }

  private hideIn(ms: number): void {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => {
      const used = this.root.matches(":hover") || this.root.contains(document.activeElement);
      if (!used && !this.pinned) this.root.classList.remove("shown");
    }, ms);
  }

  private nextMode(): void {
    this.mode = modes[(modes.indexOf(this.mode) + 1) % modes.length] ?? "remote";
    this.showMode();
    this.actions.resize(this.mode);
  }

  private showMode(): void {
    relabel(this.size, this.mode, this.words.say(`toolbar.resize.${this.mode}`));
  }
}

/** What keys do in a toolbar: arrows go from one of its controls to the next, Escape leaves (ARIA toolbar pattern). */
export function travel(root: HTMLElement, event: KeyboardEvent, leave: () => void): void {
  const controls = [...root.querySelectorAll<HTMLElement>(".pill button, .pill a")].filter(
    (control) => control.offsetParent !== null,
  );
  const at = controls.findIndex((control) => control === document.activeElement);
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (step) controls[(at + step + controls.length) % controls.length]?.focus();
  else if (event.key === "Escape") leave();
  else return;
  event.preventDefault();
}

/** Puts the page on the whole screen, or back into its window. */
export async function toggleFullscreen(): Promise<void> {
  if (document.fullscreenElement) {
    await document.exitFullscreen();
    return;
  }
  await document.documentElement.requestFullscreen({ navigationUI: "hide" });
  // Where the browser can, even Ctrl+W and Alt+Tab go to the desktop then.
  const { keyboard } = navigator as Navigator & { keyboard?: { lock?(): Promise<void> } };
  await keyboard?.lock?.();
}
