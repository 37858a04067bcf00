/** A panel below the toolbar that has the focus while it is open, and keeps it (ARIA dialog pattern). */

import type { Words } from "../i18n.ts";
import { element, iconButton } from "./dom.ts";

export class Dialog {
  readonly root: HTMLElement;

  /** kind is its class beside "panel"; closed is called when the person has closed it. */
  constructor(
    words: Words,
    title: string,
    kind: string,
    private readonly closed: () => void,
    ...content: Node[]
  ) {
    const close = iconButton("close", words.say("close"), () => this.close());
    this.root = element(
      "section",
      { class: `panel ${kind}`, "data-ui": "", role: "dialog", "aria-label": title, tabindex: "-1", hidden: "" },
      element("header", {}, element("h2", {}, title), close),
      ...content,
    );
    this.root.addEventListener("keydown", (event) => keep(this.root, event, () => this.close()));
  }

  get open(): boolean {
    return !this.root.hidden;
  }

  show(): void {
    this.root.hidden = false;
    this.focus();
  }

  close(): void {
    if (!this.open) return;
    this.root.hidden = true;
    this.closed();
  }

  /** Takes the focus. */
  protected focus(): void {
    this.root.focus();
  }
}

/** What keys do in a dialog: Tab goes round in it, Escape closes it. */
export function keep(root: HTMLElement, event: KeyboardEvent, close: () => void): void {
  if (event.key === "Escape") {
    event.preventDefault();
    return close();
  }
  if (event.key !== "Tab") return;
  const controls = [...root.querySelectorAll<HTMLElement>("button, select, input, textarea, a[href]")].filter(
    (control) => control.offsetParent !== null && !control.matches(":disabled"),
  );
  const at = controls.findIndex((control) => control === document.activeElement);
  // What else can have the focus, as a text that scrolls, lies between two of these.
  const first = at === 0 || document.activeElement === root;
  const next = event.shiftKey ? first && controls.at(-1) : at === controls.length - 1 && controls[0];
  if (!next) return;
  next.focus();
  event.preventDefault();
}

/** Changes a text, if it is another: what has not changed is not read out again. */
export function write(place: HTMLElement, text: string): void {
  if (place.textContent !== text) place.textContent = text;
}

/** Copies what is in a field, which shows itself where that is not done at once; says whether it has been. */
export async function copyOf(field: HTMLInputElement | HTMLTextAreaElement, copy: (text: string) => Promise<boolean>): Promise<boolean> {
  if (await copy(field.value)) return true;
  field.hidden = false;
  field.focus();
  field.select();
  // Where there is no clipboard API (plain HTTP), the old command may still work on a selection.
  return document.execCommand("copy");
}
