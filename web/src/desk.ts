/** The person at the desktop: DOM events of keyboard, pointer and clipboard, handed on. */

import type { Clipboard } from "./clipboard.ts";
import type { Keyboard } from "./keyboard/keyboard.ts";
import { isPaste } from "./keyboard/stroke.ts";
import type { TextInput } from "./keyboard/textinput.ts";
import type { Pointer } from "./pointer.ts";
import type { Screen } from "./screen.ts";
import { Wheel } from "./wheel.ts";

export interface Desk {
  screen: Screen;
  /** Takes the focus, so that input methods and the paste gesture work. */
  sink: HTMLTextAreaElement;
  keyboard: Keyboard;
  /** What the browser makes text of. */
  text: TextInput;
  pointer: Pointer;
  clipboard: Clipboard;
  /** Whether the person may act on the desktop at the moment. */
  live(): boolean;
  /** Whether what the person types is taken: now, or for a desktop that is about to be back. */
  typing(): boolean;
  /** Everything held has to be let go of. */
  release(): void;
  /** The person wants the toolbar, by the keyboard. */
  toolbar(): void;
}

/** Whether an event belongs to the page's own controls rather than to the desktop. */
export function isOurs(event: Event): boolean {
  return event.target instanceof Element && event.target.closest("[data-ui]") !== null;
}

/** Ctrl+Alt+Shift, by any of the three; not AltGr, which Windows reports as Control and Alt. */
export function isWayOut(event: KeyboardEvent): boolean {
  const all = event.ctrlKey && event.altKey && event.shiftKey && !event.getModifierState("AltGraph");
  return all && /^(Control|Alt|Shift)$/.test(event.key);
}

/**
 * Listens, for as long as the page lives. What it returns is called when the
 * person may have come to act on the desktop, or something may have gone that lay
 * over it: a pointer that has come to rest meanwhile makes no further event.
 */
export function listen(desk: Desk): () => void {
  listenKeys(desk);
  listenPaste(desk);
  listenFocus(desk);
  return listenPointer(desk);
}

function listenKeys({ sink, keyboard, text, clipboard, typing, toolbar, release }: Desk): void {
  addEventListener("keydown", (event) => {
    if (isOurs(event) || !typing()) return;
    if (document.activeElement !== sink) sink.focus({ preventScroll: true });
    if (text.takes(event)) return;
    if (isWayOut(event)) {
      event.preventDefault();
      release();
      toolbar();
      return;
    }
    if (isPaste(event)) {
      // The paste event, which tells the clipboard without a question, is this key's default action.
      keyboard.pause(clipboard.beforePaste());
    } else {
      void clipboard.gesture();
      event.preventDefault();
    }
    keyboard.down(event);
  });
  addEventListener("keyup", (event) => {
    if (isOurs(event) || !typing()) return;
    event.preventDefault();
    keyboard.up(event);
  });
}

function listenPaste({ clipboard, live }: Desk): void {
  addEventListener("paste", (event) => {
    if (isOurs(event) || !live()) return;
    event.preventDefault();
    clipboard.pasted(event.clipboardData?.getData("text/plain") ?? "");
  });
}

function listenPointer({ screen, sink, keyboard, pointer, clipboard, live }: Desk): () => void {
  const { stage, frame } = screen;
  const at = (event: MouseEvent) => screen.remoteAt(event.clientX, event.clientY);
  /** Where the pointer is, if the desktop has not been told. */
  let missed: PointerEvent | null = null;
  addEventListener("pointermove", (event) => {
    if (event.isPrimary) missed = live() && stage.contains(event.target as Node) ? null : event;
  });
  const move = (event: Event) => {
    if (event instanceof PointerEvent && event.isPrimary && live()) pointer.move(at(event));
  };
  stage.addEventListener("pointerdown", (event) => {
    if (event.target === stage && onScrollbar(stage, event)) return;
    sink.focus({ preventScroll: true });
    if (!event.isPrimary || !live()) return;
    screen.resume();
    void clipboard.gesture();
    frame.setPointerCapture(event.pointerId);
    keyboard.engage(event);
    pointer.down(event.button, at(event));
  });
  stage.addEventListener("pointermove", (event) => {
    move(event);
    // A further button, while one is held, comes as motion.
    if (event.button < 0 || !event.isPrimary || !live()) return;
    const bit = [1, 4, 2, 8, 16][event.button] ?? 0;
    if (event.buttons & bit) pointer.down(event.button, at(event));
    else pointer.up(event.button, at(event));
  });
  if ("onpointerrawupdate" in stage) stage.addEventListener("pointerrawupdate", move);
  stage.addEventListener("pointerup", (event) => {
    if (!event.isPrimary) return;
    pointer.up(event.button, at(event));
    pointer.upAll();
    keyboard.unlatch();
  });
  for (const type of ["pointercancel", "lostpointercapture"] as const) {
    stage.addEventListener(type, () => pointer.upAll());
  }
  const wheel = new Wheel();
  stage.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const turn = wheel.add(event);
      if (turn && live()) pointer.wheel(turn, at(event));
    },
    { passive: false },
  );
  // Focus stays with the sink; no menu, no autoscroll, no going back in history.
  for (const type of ["mousedown", "mouseup", "auxclick", "contextmenu", "dragstart"] as const) {
    stage.addEventListener(type, (event) => event.preventDefault());
  }
  return () => {
    if (!missed || !live()) return;
    if (!stage.contains(document.elementFromPoint(missed.clientX, missed.clientY))) return;
    pointer.move(at(missed));
    missed = null;
  };
}

function onScrollbar(stage: HTMLElement, event: PointerEvent): boolean {
  return event.offsetX >= stage.clientWidth || event.offsetY >= stage.clientHeight;
}

function listenFocus({ clipboard, live, release }: Desk): void {
  addEventListener("blur", release);
  addEventListener("pagehide", release);
  addEventListener("focusin", (event) => {
    if (isOurs(event)) release();
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) release();
  });
  addEventListener("focus", () => {
    if (live()) void clipboard.focused();
  });
}
