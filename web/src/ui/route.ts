/** The panel that says by which path the picture comes, why, and what could be done about it. */

import type { Words } from "../i18n.ts";
import { Dialog, write } from "./dialog.ts";
import { element } from "./dom.ts";

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

export class RoutePanel extends Dialog {
  private readonly path: HTMLElement;
  private readonly why: HTMLElement;
  private readonly remedy: HTMLElement;

  private readonly check: HTMLButtonElement;

  /** check opens what an owner can have looked at on the server. */
  constructor(words: Words, closed: () => void, check: () => void) {
    const path = element("p", { class: "path" });
    const why = element("p");
    const remedy = element("p");
    const looked = element("button", { type: "button", hidden: "" }, words.say("doctor.ui.open"));
    looked.addEventListener("click", check);
    const links = element("footer", {}, looked, checkLink(words), vncLink(words));
    super(words, words.say("route.title"), "route", closed, path, why, remedy, links);
    this.path = path;
    this.why = why;
    this.remedy = remedy;
    this.check = looked;
  }

  /** Whether the person is an owner. */
  set owned(owned: boolean) {
    this.check.hidden = !owned;
  }

  say({ path, why, remedy }: Route): void {
    write(this.path, path);
    write(this.why, why);
    write(this.remedy, remedy);
  }
}
