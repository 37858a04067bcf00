/** The panel with what the person may choose. Each choice holds at once and is remembered. */

import { decodesAny } from "../codec.ts";
import type { Words } from "../i18n.ts";
import { platformOf } from "../keyboard/stroke.ts";
import type { Settings, SettingsStore } from "../settings.ts";
import { automatic, denied, groups, helpWords, meaningful, missing, valueWords, type Abilities, type Offer, type Row, type Value } from "./choices.ts";
import { Dialog, write } from "./dialog.ts";
import { element } from "./dom.ts";
import { wayWords } from "./encoding.ts";

/** A setting in the panel. */
interface Field {
  row: Row;
  control: HTMLSelectElement | HTMLInputElement;
  note: HTMLElement;
}

/** How the person signs out, who has signed in. */
export interface Leaving {
  signedIn(): boolean;
  signOut(): void;
}

export class SettingsPanel extends Dialog {
  private readonly fields: Field[];
  private readonly used: HTMLElement;
  private readonly done: HTMLElement;
  private readonly out: HTMLButtonElement;
  private readonly browser = abilities();

  constructor(
    private readonly words: Words,
    private readonly store: SettingsStore,
    private readonly leaving: Leaving,
    closed: () => void,
  ) {
    const fields: Field[] = [];
    const used = element("p", { class: "used", role: "status" });
    const sets = groups.map(({ id, rows }) => {
      const set = element("fieldset", {}, element("legend", {}, words.say(`settings.group.${id}`)));
      for (const row of rows) {
        const field = makeField(words, store, row);
        fields.push(field);
        set.append(element("div", { class: row.values ? "row choice" : "row" }, labelOf(words, row), field.control, field.note));
      }
      if (id === "picture") set.append(used);
      if (id === "keyboard") set.append(element("p", {}, words.say("app.keys")));
      return set;
    });
    const reset = element("button", { type: "button" }, words.say("settings.reset"));
    const out = element("button", { type: "button", "data-act": "sign-out", hidden: "" }, words.say("settings.signout"));
    const done = element("span", { class: "note", role: "status" });
    super(words, words.say("settings.title"), "settings", closed, ...sets, element("footer", {}, reset, out, done));
    reset.addEventListener("click", () => {
      store.reset();
      write(done, words.say("settings.reset.done"));
    });
    out.addEventListener("click", () => {
      this.close();
      leaving.signOut();
    });
    this.out = out;
    this.fields = fields;
    this.used = used;
    this.done = done;
  }

  /** Shows what holds, and what can be chosen. */
  say(offer: Offer): void {
    const { words, store, browser } = this;
    for (const { row, control, note } of this.fields) {
      const { name } = row;
      control.parentElement?.toggleAttribute("hidden", !meaningful(name, browser));
      const obstacle = denied(name, offer, browser);
      control.disabled = obstacle !== null;
      write(note, obstacle ? words.say(obstacle) : this.help(row, offer));
      if (control instanceof HTMLInputElement) control.checked = store.value[name] === true;
      else this.choices(row, control, offer);
    }
    write(this.used, offer.encoding ? words.say("settings.used", wayWords(offer.encoding)) : "");
  }

  override show(): void {
    write(this.done, "");
    this.out.hidden = !this.leaving.signedIn();
    super.show();
  }

  /** Gives the focus to a setting. */
  point(name: keyof Settings): void {
    this.fields.find(({ row }) => row.name === name)?.control.focus();
  }

  private help(row: Row, { keyboard }: Offer): string {
    const { words, store } = this;
    const help = helpWords(words, row, store.value[row.name]);
    if (row.name !== "keyboard" || store.value.keyboard !== "auto") return help;
    const mode = valueWords(words, "keyboard", keyboard.mode);
    const within = mode.charAt(0).toLocaleLowerCase(words.language) + mode.slice(1);
    return `${help} ${words.say("settings.used", within)}.`;
  }

  private choices({ name, values = [] }: Row, control: HTMLSelectElement, offer: Offer): void {
    const { words } = this;
    const chosen = this.store.value[name] as Value;
    // What came by the address, or from another version of the page, is shown as well.
    const shown = values.includes(chosen) ? values : [...values, chosen];
    for (const [i, value] of shown.entries()) {
      const option = control.options[i] ?? control.appendChild(element("option"));
      option.value = String(value);
      const gap = missing(name, value, offer, this.browser);
      const called = value === "" ? automatic(words, name, offer) : valueWords(words, name, value);
      option.disabled = gap !== null;
      write(option, gap ? words.say(gap, called) : called);
    }
    while (control.options.length > shown.length) control.options[shown.length]?.remove();
    if (control.value !== String(chosen)) control.value = String(chosen);
  }
}

function labelOf(words: Words, { name }: Row): HTMLElement {
  return element("label", { for: `setting-${name}` }, words.say(`settings.${name}`));
}

function makeField(words: Words, store: SettingsStore, row: Row): Field {
  const { name, values } = row;
  const common = { id: `setting-${name}`, name, autocomplete: "off", "aria-describedby": `about-${name}` };
  const note = element("small", { id: `about-${name}` }, helpWords(words, row, store.value[name]));
  if (!values) {
    const control = element("input", { ...common, type: "checkbox", role: "switch" });
    control.addEventListener("change", () => store.set({ [name]: control.checked }));
    return { row, control, note };
  }
  const control = element("select", common);
  control.addEventListener("change", () => {
    const value = typeof values[0] === "number" ? Number(control.value) : control.value;
    store.set({ [name]: value });
  });
  return { row, control, note };
}

/** What this browser can do. */
function abilities(): Abilities {
  const { keyboard } = navigator as Navigator & { keyboard?: { lock?: unknown } };
  return {
    webrtc: typeof RTCPeerConnection !== "undefined",
    socket: decodesAny(),
    lock: typeof keyboard?.lock === "function",
    pointer: "requestPointerLock" in Element.prototype,
    mac: platformOf(navigator) === "mac",
  };
}
