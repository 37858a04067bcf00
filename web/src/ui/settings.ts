/** The panel with what the person may choose: the codec, for as long as the page lives. */

import type { Codec } from "../codec.ts";
import type { Words } from "../i18n.ts";
import type { Encoding } from "../protocol.ts";
import type { SettingsStore } from "../settings.ts";
import { Dialog, write } from "./dialog.ts";
import { element } from "./dom.ts";
import { wayWords } from "./encoding.ts";

export interface Offer {
  /** The codecs that the server and this browser have in common, as far as is known. */
  codecs: Codec[];
  /** How the pictures are made; null while that is not known. */
  encoding: Encoding | null;
}

/** In which order they are offered; after them comes one that only the address can ask for. */
const order: (Codec | "")[] = ["", "h264", "vp8", "h264-444"];

export class SettingsPanel extends Dialog {
  private readonly choices: HTMLElement;
  private readonly legend: HTMLElement;
  private readonly used: HTMLElement;
  private offered = "";

  constructor(
    private readonly words: Words,
    private readonly store: SettingsStore,
    closed: () => void,
  ) {
    const legend = element("legend", {}, words.say("settings.codec"));
    const choices = element("fieldset");
    const used = element("p", { class: "used", role: "status" });
    super(words, words.say("settings.title"), "settings", closed, choices, used);
    this.choices = choices;
    this.legend = legend;
    this.used = used;
  }

  say({ codecs, encoding }: Offer): void {
    const { words } = this;
    const preferred = this.store.value.codec;
    const shown = order.filter((codec) => codec === "" || codec === preferred || codecs.includes(codec));
    if (!shown.includes(preferred)) shown.push(preferred);
    this.offer(shown, preferred);
    write(this.used, encoding ? words.say("settings.used", wayWords(encoding)) : "");
  }

  protected override focus(): void {
    this.choices.querySelector<HTMLInputElement>("input:checked")?.focus();
  }

  private offer(codecs: (Codec | "")[], preferred: Codec | ""): void {
    const focused = this.choices.contains(document.activeElement);
    const news = codecs.join() !== this.offered;
    this.offered = codecs.join();
    if (news) this.choices.replaceChildren(this.legend, ...codecs.map((codec) => this.choice(codec)));
    for (const input of this.choices.querySelectorAll("input")) input.checked = input.value === preferred;
    if (news && focused) this.focus();
  }

  private choice(codec: Codec | ""): HTMLElement {
    const { words } = this;
    const input = element("input", { type: "radio", name: "codec", value: codec });
    input.addEventListener("change", () => this.store.set({ codec }));
    const key = `settings.${codec || "auto"}` as const;
    const note = element("small", {}, words.say(`${key}.do`));
    return element("label", {}, input, element("span", {}, words.say(key), note));
  }
}
