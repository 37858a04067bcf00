/** The sign-in form, for each way in which the server lets people in. */

import type { Credential, Login, Method } from "../http.ts";
import type { Words } from "../i18n.ts";
import { element } from "./dom.ts";

export interface LoginActions {
  /** How one may log in. */
  methods(): Promise<Method[]>;
  /** Tries a credential; what follows when it is the right one is not the form's. */
  login(credential: Credential): Promise<Login>;
  /** Goes to the hub; false when that is not known. */
  depart(): Promise<boolean>;
}

export class LoginForm {
  readonly root = element("div", { class: "login" });
  private readonly problem = element("p", { class: "problem", role: "alert" });
  private method: Method = "token";
  private ended: Login = "in";

  constructor(
    private readonly words: Words,
    private readonly actions: LoginActions,
  ) {}

  /** Shows the form anew; logo stands above it. */
  async show(logo: HTMLElement): Promise<void> {
    this.root.replaceChildren(logo, element("h1", {}, this.words.say("login.title")));
    const [method = "token"] = await this.actions.methods();
    this.method = method;
    if (this.ended !== "in") this.refuse(this.ended); // by the link, while the way in was not known
    const form = method === "oauth" ? this.hub() : this.secret(method);
    this.root.replaceChildren(logo, element("h1", {}, this.words.say("login.title")), element("p", {}, this.words.say(`login.do.${method}`)), form);
    form.querySelector<HTMLElement>("[data-first]")?.focus();
  }

  /** Says how an attempt has ended. */
  refuse(result: Login): void {
    this.ended = result;
    if (result === "in") this.say("");
    else this.say(this.words.say(result === "wrong" ? `login.wrong.${this.method}` : `login.${result}`));
  }

  /** Says why nobody is let in. */
  say(text: string): void {
    this.problem.textContent = text;
  }

  private secret(method: "token" | "password"): HTMLFormElement {
    const { words, actions, problem } = this;
    const isPassword = method === "password";
    const field = element("input", {
      type: "password",
      id: method,
      name: method,
      autocomplete: isPassword ? "current-password" : "off",
      spellcheck: "false",
      required: "",
      "data-first": "",
    });
    const submit = element("button", { type: "submit", class: "primary" }, words.say("login.submit"));
    const form = element("form", {}, element("label", { for: method }, words.say(`login.${method}`)), field, problem, submit);
    // Desktops of one host are told apart by their paths, where a password manager has a name.
    if (isPassword) form.prepend(userName(new URL(".", document.baseURI).pathname));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      submit.disabled = true;
      const value = isPassword ? field.value : field.value.trim();
      this.refuse(await actions.login(isPassword ? { password: value } : { token: value }));
      submit.disabled = false;
      if (problem.textContent) field.select();
    });
    return form;
  }

  private hub(): HTMLFormElement {
    const { words, actions, problem } = this;
    const submit = element("button", { type: "submit", class: "primary", "data-first": "" }, words.say("login.hub"));
    const form = element("form", {}, problem, submit);
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      submit.disabled = true;
      if (await actions.depart()) return; // the tab is about to show the hub
      this.refuse("unreachable");
      submit.disabled = false;
    });
    return form;
  }
}

/** A name for password managers, which nobody has to see or to fill in. */
const userName = (value: string): HTMLInputElement =>
  element("input", { type: "text", name: "username", autocomplete: "username", class: "unseen", value, readonly: "", tabindex: "-1", "aria-hidden": "true" });
