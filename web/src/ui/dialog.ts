/** A panel below the toolbar that has the focus while it is open. */

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
    this.root.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.close();
    });
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

/** Changes a text, if it is another: what has not changed is not read out again. */
export function write(place: HTMLElement, text: string): void {
  if (place.textContent !== text) place.textContent = text;
}
