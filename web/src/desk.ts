/** The person at the desktop: DOM events of keyboard, pointer and clipboard, handed on. */

import { pastedContent } from "./clipboard/system.ts";
import { isCopy, isPaste } from "./keyboard/stroke.ts";
import type { TextInput } from "./keyboard/textinput.ts";
import { listenPointer, type Surface } from "./pointer/listen.ts";

export interface Desk extends Surface {
  /** What the browser makes text of. */
  text: TextInput;
  /** Whether what the person types is taken: now, or for a desktop that is about to be back. */
  typing(): boolean;
  /** Everything held has to be let go of, but for latched modifiers that are kept. */
  release(latched?: "kept"): void;
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
    if (isCopy(event)) clipboard.copying();
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
    clipboard.pasted(pastedContent(event.clipboardData));
  });
}

function listenFocus({ clipboard, live, release }: Desk): void {
  addEventListener("blur", () => release());
  addEventListener("pagehide", () => release());
  addEventListener("focusin", (event) => {
    if (isOurs(event)) release("kept");
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) release();
  });
  addEventListener("focus", () => {
    if (live()) void clipboard.focused();
  });
}
