/** Short words at the bottom edge that go by themselves. */

import { element } from "./dom.ts";

/** How long they stay, in ms. */
const STAY = 7000;

export class Toasts {
  // Not atomic, as a status is by itself: with a further one the earlier are not read out again.
  readonly root = element("div", { class: "toasts", "data-ui": "", role: "status", "aria-live": "polite", "aria-atomic": "false" });

  /** Says something; action is a button beside it. The same text is not said twice at a time. */
  say(text: string, detail = "", action?: { label: string; act(): void }): void {
    for (const old of [...this.root.children]) {
      if (old.firstElementChild?.textContent === text) old.remove();
    }
    const toast = element("div", { class: "toast" }, element("strong", {}, text));
    if (detail) toast.append(element("span", {}, detail));
    if (action) {
      const button = element("button", { type: "button" }, action.label);
      button.addEventListener("click", () => {
        toast.remove();
        action.act();
      });
      toast.append(button);
    }
    this.root.append(toast);
    leave(toast);
    while (this.root.children.length > 3) this.root.firstElementChild?.remove();
  }
}

/**
 * Takes a toast away after a while, and not from under somebody's pointer or focus, nor with a button in it
 * from somebody who is on the way there by the keyboard.
 */
function leave(toast: HTMLElement): void {
  setTimeout(() => {
    const coming = toast.querySelector("button") !== null && document.activeElement?.closest(".toolbar, .toasts");
    if (coming || toast.matches(":hover, :focus-within")) leave(toast);
    else toast.remove();
  }, STAY);
}
