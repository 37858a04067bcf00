/** The clipboard panel: for texts that the browser does not pass by itself, and for seeing what is shared. */

import type { Words } from "../i18n.ts";
import { element, iconButton } from "./dom.ts";

export interface PanelActions {
  /** Sends a text to the desktop; false when it was not sent. */
  send(text: string): boolean;
  /** Writes a text to the browser's clipboard; false when it refused. */
  copy(text: string): Promise<boolean>;
  /** A text has got into the browser's clipboard from here. */
  copied(text: string): void;
  closed(): void;
}

export class ClipboardPanel {
  readonly root: HTMLElement;
  private readonly area: HTMLTextAreaElement;
  private readonly note = element("span", { class: "note", role: "status" });

  constructor(
    private readonly words: Words,
    private readonly actions: PanelActions,
  ) {
    const title = words.say("clipboard.title");
    this.area = element("textarea", {
      rows: "6",
      spellcheck: "false",
      "aria-label": words.say("clipboard.text"),
    });
    const send = element("button", { type: "button", class: "primary" }, words.say("clipboard.send"));
    send.addEventListener("click", () => {
      this.note.textContent = words.say(actions.send(this.area.value) ? "clipboard.sent" : "clipboard.unsent");
    });
    for (const type of ["copy", "cut"]) {
      this.area.addEventListener(type, () => {
        const { value, selectionStart, selectionEnd } = this.area;
        actions.copied(value.slice(selectionStart, selectionEnd));
      });
    }
    const copy = element("button", { type: "button" }, words.say("clipboard.copy"));
    copy.addEventListener("click", () => void this.copy());
    this.root = element(
      "section",
      { class: "panel", "data-ui": "", role: "dialog", "aria-label": title, hidden: "" },
      element("header", {}, element("h2", {}, title), iconButton("close", words.say("close"), () => this.close())),
      element("p", {}, words.say("clipboard.do")),
      this.area,
      element("footer", {}, send, copy, this.note),
    );
    this.root.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.close();
    });
  }

  get open(): boolean {
    return !this.root.hidden;
  }

  /** Opens with a text. */
  show(text: string): void {
    this.text = text;
    this.root.hidden = false;
    this.area.focus();
    this.area.select();
  }

  /** The shared text is another one. */
  set text(text: string) {
    this.note.textContent = "";
    this.area.value = text;
  }

  close(): void {
    if (!this.open) return;
    this.root.hidden = true;
    this.actions.closed();
  }

  private async copy(): Promise<void> {
    this.note.textContent = "";
    if (await this.actions.copy(this.area.value)) {
      this.note.textContent = this.words.say("clipboard.copied");
      return;
    }
    this.area.focus();
    this.area.select();
    // Where there is no clipboard API (plain HTTP), the old command may still work on a selection.
    const copied = document.execCommand("copy");
    this.note.textContent = this.words.say(copied ? "clipboard.copied" : "clipboard.refused");
  }
}
