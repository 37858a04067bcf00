/** The panel with the keys that browsers and systems keep for themselves, and modifiers that stay down for the next key. */

import type { Key, Words } from "../i18n.ts";
import type { Keyboard } from "../keyboard/keyboard.ts";
import { Dialog } from "./dialog.ts";
import { element } from "./dom.ts";

export type KeysActions = Pick<Keyboard, "chord" | "latch" | "isLatched">;

/** A key's keysym, and its name: the same everywhere, or words. */
type Cap = readonly [keysym: number, name: string | { words: Key }];

const control: Cap = [0xffe3, { words: "key.ctrl" }];
const alt: Cap = [0xffe9, { words: "key.alt" }];
const shift: Cap = [0xffe1, { words: "key.shift" }];
const superKey: Cap = [0xffeb, { words: "key.super" }];
const tab: Cap = [0xff09, { words: "key.tab" }];

const modifiers: readonly Cap[] = [control, alt, shift, superKey];

const chords: readonly (readonly Cap[])[] = [
  [[0xff1b, { words: "key.escape" }]],
  [superKey],
  [[0xff61, { words: "key.print" }]],
  [[0xffc8, "F11"]],
  [control, [0x77, "W"]],
  [control, [0x74, "T"]],
  [control, [0x6e, "N"]],
  [control, tab],
  [alt, tab],
  [alt, [0xffc1, "F4"]],
  [control, alt, [0xffff, { words: "key.delete" }]],
];

export class KeysPanel extends Dialog {
  private readonly toggles: { keysym: number; button: HTMLButtonElement }[];

  constructor(
    words: Words,
    private readonly actions: KeysActions,
    closed: () => void,
  ) {
    const name = ([, name]: Cap) => (typeof name === "string" ? name : words.say(name.words));
    const toggles = modifiers.map((cap) => {
      const [keysym] = cap;
      const button = element("button", { type: "button", class: "cap", "aria-pressed": "false" }, name(cap));
      button.addEventListener("click", () => actions.latch(keysym));
      return { keysym, button };
    });
    const presses = chords.map((caps) => {
      const button = element("button", { type: "button", class: "cap" }, caps.map(name).join("+"));
      button.addEventListener("click", () => actions.chord(caps.map(([keysym]) => keysym)));
      return button;
    });
    super(
      words,
      words.say("keys.title"),
      "keys",
      closed,
      group(words.say("keys.press"), presses),
      group(words.say("keys.hold"), toggles.map(({ button }) => button)),
    );
    this.toggles = toggles;
  }

  override show(): void {
    this.update();
    super.show();
  }

  /** Shows which modifiers are held for the next key. */
  update(): void {
    for (const { keysym, button } of this.toggles) button.setAttribute("aria-pressed", String(this.actions.isLatched(keysym)));
  }
}

function group(legend: string, buttons: HTMLButtonElement[]): HTMLElement {
  return element("fieldset", {}, element("legend", {}, legend), element("div", { class: "caps" }, ...buttons));
}
