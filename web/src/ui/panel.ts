/** The clipboard panel: for what the browser does not pass by itself, and for seeing what is shared. */

import { NOTHING, plain, type Content } from "../clipboard/content.ts";
import { pastedContent } from "../clipboard/system.ts";
import type { Words } from "../i18n.ts";
import type { Feature } from "../protocol.ts";
import { Dialog, write } from "./dialog.ts";
import { element } from "./dom.ts";
import { note as say, refuse } from "./refusal.ts";

export interface PanelActions {
  /** What both clipboards share. */
  shared(): Content;
  /** Sends a content to the desktop; resolves with whether it is there. */
  send(content: Content): Promise<boolean>;
  /** Writes a content to the browser's clipboard; false when it refused. */
  copy(content: Content): Promise<boolean>;
  /** A content has got into the browser's clipboard from here. */
  copied(content: Content): void;
  /** Why the rules of the desktop forbid features; "": they do not. */
  refused(...features: Feature[]): string;
  closed(): void;
}

/** As much of the HTML is shown, in characters. */
const EXCERPT = 20_000;

/** The elements of the panel that change. */
function makeParts(words: Words) {
  return {
    area: element("textarea", { rows: "6", spellcheck: "false", "aria-label": words.say("clipboard.text") }),
    source: element("pre", { tabindex: "0", role: "region", "aria-label": words.say("clipboard.html") }),
    picture: element("img", { alt: words.say("clipboard.picture") }),
    save: element("a", { download: "clipboard.png" }, words.say("clipboard.save")),
    send: element("button", { type: "button", class: "primary" }, words.say("clipboard.send")),
    copy: element("button", { type: "button" }, words.say("clipboard.copy")),
    note: element("span", { class: "note", role: "status" }),
    rule: element("p", { class: "note", hidden: "" }),
  };
}

export class ClipboardPanel extends Dialog {
  private readonly parts: ReturnType<typeof makeParts>;
  private readonly formatted: HTMLElement;
  private readonly figure: HTMLElement;
  private content = NOTHING;

  constructor(
    private readonly words: Words,
    private readonly actions: PanelActions,
  ) {
    const parts = makeParts(words);
    const { area, source, picture, save, send, copy, note, rule } = parts;
    const formatted = element("details", { hidden: "" }, element("summary", {}, words.say("clipboard.html")), source);
    const figure = element("figure", { hidden: "" }, picture, save);
    const footer = element("footer", {}, send, copy, note);
    super(words, words.say("clipboard.title"), "clipboard", actions.closed, element("p", {}, words.say("clipboard.do")), rule, area, formatted, figure, footer);
    this.parts = parts;
    this.formatted = formatted;
    this.figure = figure;
    send.addEventListener("click", () => {
      if (actions.refused("copy-in") === "") void this.send(this.chosen);
    });
    copy.addEventListener("click", () => void this.copy());
    area.addEventListener("paste", (event) => void this.paste(event));
    for (const type of ["copy", "cut"]) {
      area.addEventListener(type, () => actions.copied(plain(area.value.slice(area.selectionStart, area.selectionEnd))));
    }
  }

  /** Opens with what is shared. */
  override show(): void {
    const { actions, parts } = this;
    refuse(parts.send, actions.refused("copy-in"));
    say(parts.rule, actions.refused("copy-in", "copy-out"));
    super.show();
    this.update(actions.shared());
    this.parts.area.select();
  }

  override close(): void {
    this.update(NOTHING);
    super.close();
  }

  /** The shared content is another one. */
  update(content: Content): void {
    const { area, source, picture, save, note } = this.parts;
    this.content = content;
    write(note, "");
    area.value = content.text;
    source.textContent = content.html.slice(0, EXCERPT);
    this.formatted.hidden = content.html === "";
    this.figure.hidden = content.picture === null;
    if (save.href) URL.revokeObjectURL(save.href);
    const url = content.picture ? URL.createObjectURL(new Blob([content.picture], { type: "image/png" })) : "";
    for (const [part, name] of [[picture, "src"], [save, "href"]] as const) {
      if (url) part.setAttribute(name, url);
      else part.removeAttribute(name);
    }
  }

  protected override focus(): void {
    this.parts.area.focus();
  }

  /** What the person has before them: the content as it is, or the text into which they have changed it. */
  private get chosen(): Content {
    const { value } = this.parts.area;
    return value === this.content.text ? this.content : plain(value);
  }

  private async send(content: Content): Promise<void> {
    const { words, parts } = this;
    write(parts.note, "");
    write(parts.note, words.say((await this.actions.send(content)) ? "clipboard.sent" : "clipboard.unsent"));
  }

  /** A picture cannot be pasted into a text: it is sent. */
  private async paste(event: ClipboardEvent): Promise<void> {
    if (![...(event.clipboardData?.files ?? [])].some(({ type }) => type === "image/png")) return;
    event.preventDefault();
    const content = await pastedContent(event.clipboardData);
    this.update(content);
    await this.send(content);
  }

  private async copy(): Promise<void> {
    const { area, note } = this.parts;
    write(note, "");
    if (await this.actions.copy(this.chosen)) {
      write(note, this.words.say("clipboard.copied"));
      return;
    }
    area.focus();
    area.select();
    write(note, this.words.say("clipboard.refused"));
  }
}
