/** The panel that says by which path the picture comes, why, and what could be done about it. */

import type { Words } from "../i18n.ts";
import { element, iconButton } from "./dom.ts";

export interface Route {
  /** The path, in words. */
  path: string;
  why: string;
  remedy: string;
}

/** The way to the page that shows the desktop by VNC, where nothing else works. */
export function vncLink(words: Words): HTMLAnchorElement {
  return element("a", { class: "elsewhere", href: `vnc/${location.search}` }, words.say("route.vnc"));
}

/** The way to the page that tries every path and says what to change. It comes up beside this one. */
export function checkLink(words: Words): HTMLAnchorElement {
  return element("a", { class: "elsewhere", href: `connection${location.search}`, target: "_blank" }, words.say("route.check"));
}

export class RoutePanel {
  readonly root: HTMLElement;
  private readonly path = element("p", { class: "path" });
  private readonly why = element("p");
  private readonly remedy = element("p");

  constructor(
    words: Words,
    private readonly closed: () => void,
  ) {
    const title = words.say("route.title");
    const close = iconButton("close", words.say("close"), () => this.close());
    this.root = element(
      "section",
      { class: "panel route", "data-ui": "", role: "dialog", "aria-label": title, tabindex: "-1", hidden: "" },
      element("header", {}, element("h2", {}, title), close),
      this.path,
      this.why,
      this.remedy,
      element("footer", {}, checkLink(words), vncLink(words)),
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
    this.root.focus();
  }

  close(): void {
    if (!this.open) return;
    this.root.hidden = true;
    this.closed();
  }

  say({ path, why, remedy }: Route): void {
    for (const [paragraph, text] of [[this.path, path], [this.why, why], [this.remedy, remedy]] as const) {
      if (paragraph.textContent !== text) paragraph.textContent = text;
    }
  }
}
