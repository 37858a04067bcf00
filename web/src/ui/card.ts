/** The card in the middle: what is being waited for, what went wrong and what to do, or the sign-in form. */

import type { Words } from "../i18n.ts";
import { element } from "./dom.ts";

export interface View {
  title: string;
  /** Something is under way. */
  busy?: boolean;
  what?: string;
  remedy?: string;
  /** Offers to reconnect. */
  reconnect?: boolean;
}

export interface CardActions {
  reconnect(): void;
  /** Tries a token; resolves to an HTTP status, 0 without an answer. */
  login(token: string): Promise<number>;
}

export class Card {
  readonly root: HTMLElement;
  private readonly box = element("div", { class: "card", role: "status", "aria-live": "polite" });
  private shown = "";

  constructor(
    private readonly words: Words,
    private readonly actions: CardActions,
  ) {
    this.root = element("div", { class: "veil", "data-ui": "", hidden: "" }, this.box);
  }

  /** Shows a view, the sign-in form, or nothing. */
  show(view: View | "login" | null): void {
    const shown = JSON.stringify(view);
    if (shown === this.shown) return;
    const before = this.shown;
    this.shown = shown;
    this.root.hidden = view === null;
    if (view === null) return;
    if (view === "login") this.login();
    else if (!this.renew(before, view)) this.message(view);
  }

  /** Changes the title alone, if nothing else has changed: a countdown must not take the focus from its button. */
  private renew(before: string, view: View): boolean {
    const title = this.box.querySelector("h1");
    const old = before && before !== "null" ? (JSON.parse(before) as View | "login") : "login";
    if (!title || old === "login") return false;
    if (JSON.stringify({ ...old, title: view.title }) !== JSON.stringify(view)) return false;
    title.textContent = view.title;
    return true;
  }

  private message(view: View): void {
    const { words, actions } = this;
    this.box.replaceChildren();
    this.box.append(view.busy ? element("div", { class: "spinner", "aria-hidden": "true" }) : mark());
    this.box.append(element("h1", {}, view.title));
    if (view.what) this.box.append(element("p", { class: "what" }, view.what));
    if (view.remedy) this.box.append(element("p", {}, view.remedy));
    if (!view.reconnect) return;
    const button = element("button", { type: "button", class: "primary" }, words.say("state.reconnect"));
    button.addEventListener("click", actions.reconnect);
    this.box.append(button);
  }

  private login(): void {
    const { words, actions, box } = this;
    const field = element("input", {
      type: "password",
      id: "token",
      autocomplete: "off",
      spellcheck: "false",
      required: "",
    });
    const problem = element("p", { class: "problem", role: "alert" });
    const submit = element("button", { type: "submit", class: "primary" }, words.say("login.submit"));
    const form = element("form", {}, element("label", { for: "token" }, words.say("login.token")), field, problem, submit);
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      submit.disabled = true;
      const status = await actions.login(field.value.trim());
      submit.disabled = false;
      if (status === 204) return;
      problem.textContent = words.say(
        status === 429 ? "login.throttled" : status === 401 || status === 400 ? "login.wrong" : "login.unreachable",
      );
      field.select();
    });
    box.replaceChildren(
      mark(),
      element("h1", {}, words.say("login.title")),
      element("p", {}, words.say("login.do")),
      form,
    );
    field.focus();
  }
}

/** The page's own icon. */
function mark(): HTMLImageElement {
  const src = document.querySelector<HTMLLinkElement>('link[rel="icon"]')?.href ?? "";
  return element("img", { class: "mark", src, alt: "" });
}
