/** The card in the middle: what is being waited for, what went wrong and what to do, or the sign-in form. */

import type { LinkState } from "../connection.ts";
import type { Login } from "../http.ts";
import type { Words } from "../i18n.ts";
import type { Process } from "../protocol.ts";
import { element } from "./dom.ts";
import { LoginForm, type LoginActions } from "./login.ts";
import { checkLink, vncLink } from "./route.ts";
import { Starting } from "./starting.ts";

export interface View {
  title: string;
  /** Something is under way. */
  busy?: boolean;
  /** Changes from second to second; not read out. */
  countdown?: string;
  what?: string;
  remedy?: string;
  /** Offers to reconnect. */
  reconnect?: boolean;
  /** Offers VNC instead. */
  vnc?: boolean;
  /** What keeps the desktop running, where it is told. */
  processes?: readonly Process[];
}

/** What is said at the page's time now, in ms, while the page waits to connect again. */
export function waiting(words: Words, { until, reason }: Extract<LinkState, { name: "waiting" }>, now: number): View {
  const seconds = Math.max(1, Math.ceil((until - now) / 1000));
  const { what, remedy } = words.reason(reason ?? { code: "", args: [] });
  return {
    title: words.say("state.unconnected"),
    countdown: until > now ? words.say("state.reconnecting", words.number(seconds)) : words.say("state.trying"),
    busy: true,
    what,
    remedy: what ? remedy : words.say("state.reconnecting.do"),
    reconnect: true,
  };
}

export interface CardActions extends LoginActions {
  reconnect(): void;
}

export class Card {
  readonly root: HTMLElement;
  private readonly box = element("div", { class: "card", role: "status", "aria-live": "polite" });
  private readonly login: LoginForm;
  private readonly starting: Starting;
  private shown = "";

  constructor(
    private readonly words: Words,
    private readonly actions: CardActions,
  ) {
    this.starting = new Starting(words);
    this.login = new LoginForm(words, actions);
    this.root = element("div", { class: "veil", "data-ui": "", hidden: "" }, this.box);
  }

  /** Shows a view, the sign-in form, or nothing. */
  show(view: View | "login" | null): void {
    if (view && view !== "login") {
      const { processes = [], ...rest } = view;
      this.starting.show(processes); // they change by themselves
      view = rest;
    }
    this.box.classList.toggle("wide", !this.starting.root.hidden && view !== "login");
    const shown = JSON.stringify(view);
    if (shown === this.shown) return;
    const before = this.shown;
    this.shown = shown;
    this.root.hidden = view === null;
    if (view === null) return;
    if (view === "login") {
      this.box.replaceChildren(this.login.root);
      void this.login.show(mark());
    }
    else if (!this.renew(before, view)) this.message(view);
  }

  /** Says in the sign-in form how an attempt has ended. */
  refuse(result: Login): void {
    this.login.refuse(result);
  }

  /** Says there why nobody is let in. */
  deny(text: string): void {
    this.login.say(text);
  }

  /** Changes the countdown alone, if nothing else has changed: it must not take the focus from its button. */
  private renew(before: string, view: View): boolean {
    const countdown = this.box.querySelector(".countdown");
    const old = before && before !== "null" ? (JSON.parse(before) as View | "login") : "login";
    if (!countdown || !view.countdown || old === "login") return false;
    if (JSON.stringify({ ...old, countdown: view.countdown }) !== JSON.stringify(view)) return false;
    countdown.textContent = view.countdown;
    return true;
  }

  private message(view: View): void {
    const { words, actions } = this;
    this.box.replaceChildren();
    this.box.append(view.busy ? element("div", { class: "spinner", "aria-hidden": "true" }) : mark());
    this.box.append(element("h1", {}, view.title));
    if (view.countdown) {
      this.box.append(element("p", { class: "countdown", "aria-hidden": "true" }, view.countdown));
    }
    if (view.what) this.box.append(element("p", { class: "what" }, view.what));
    if (view.remedy) this.box.append(element("p", {}, view.remedy));
    if (view.reconnect) {
      const button = element("button", { type: "button", class: "primary" }, words.say("state.reconnect"));
      button.addEventListener("click", actions.reconnect);
      this.box.append(button);
    }
    this.box.append(this.starting.root);
    if (view.vnc) this.box.append(checkLink(words), vncLink(words));
  }
}

/** The page's own icon. */
function mark(): HTMLImageElement {
  const src = document.querySelector<HTMLLinkElement>('link[rel="icon"]')?.href ?? "";
  return element("img", { class: "mark", src, alt: "" });
}
