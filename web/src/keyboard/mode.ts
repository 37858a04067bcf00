/** Whether keys go to the desktop by their place or by what they mean. */

import type { Settings } from "../settings.ts";
import type { Detected } from "./detector.ts";
import { contradicts } from "./layouts.ts";
import { characterOf, plainOf, type KeyStroke, type Platform } from "./stroke.ts";

/** What the server is told, and answers, of layouts: XKB's names. */
export interface KeyboardMessage {
  layout: string;
  variant: string;
  mode: "physical" | "text";
}

/** The keys whose meaning is the layout's. Others mean the same in all. */
const layoutKeys = new RegExp(
  "^(Key[A-Z]|Digit\\d|Numpad(\\d|Add|Comma|Decimal|Divide|Enter|Equal|Multiply|Subtract)|Intl(Backslash|Ro|Yen)" +
    "|Back(quote|slash)|Bracket(Left|Right)|Minus|Equal|Semicolon|Quote|Comma|Period|Slash|Space" +
    "|(Shift|Control|Alt|Meta)(Left|Right)|(Caps|Num)Lock)$",
);

export interface Layouts {
  readonly value: Detected;
  /** Whether the value may be another in a moment. */
  readonly pending: boolean;
  /** Learns from a stroke. */
  see(stroke: KeyStroke): void;
}

export class KeyMode {
  /** The layout of the desktop; "" unknown. */
  private desktop = "";
  private told = "";

  /** tell tells the server what the person's keyboard is; false when it cannot now. */
  constructor(
    private readonly platform: Platform,
    private readonly layouts: Layouts,
    private readonly settings: () => Pick<Settings, "keyboard" | "layout">,
    private readonly tell: (message: KeyboardMessage) => boolean,
  ) {}

  /** The layout of the person's keyboard, chosen or detected; "" unknown. */
  get layout(): string {
    return this.settings().layout || this.layouts.value.layout;
  }

  get mode(): "physical" | "text" {
    const { keyboard, layout } = this.settings();
    if (keyboard !== "auto") return keyboard;
    // macOS has layouts of the same names with other characters under Option.
    const sure = this.platform !== "mac" && (layout !== "" || this.layouts.value.sure);
    return sure && this.layout !== "" && this.layout === this.desktop ? "physical" : "text";
  }

  /** Whether a stroke counts by its place. */
  places(stroke: KeyStroke): boolean {
    this.layouts.see(stroke);
    if (this.mode !== "physical" || !layoutKeys.test(stroke.code)) return false;
    if (this.settings().keyboard === "physical") return true;
    const character = plainOf(stroke);
    const differs = character !== "" && contradicts(this.layout, stroke.code, character);
    return !differs && !varies(stroke);
  }

  /** Another server, or the same anew: it has been told nothing. */
  welcome(): void {
    this.desktop = "";
    this.told = "";
    this.update();
  }

  /** The server says which layout the desktop has. */
  inForce({ layout, variant }: Pick<KeyboardMessage, "layout" | "variant">): void {
    this.desktop = variant ? `${layout} ${variant}` : layout;
    this.update();
  }

  /** Tells the server what has changed, if anything has. */
  update(): void {
    const { layout, mode } = this;
    const news = `${layout}/${mode}`;
    if (news === this.told || layout === "" || this.layouts.pending) return;
    const [name = "", variant = ""] = layout.split(" ");
    if (this.tell({ layout: name, variant, mode })) this.told = news;
  }
}

/**
 * Whether systems differ in what a stroke does by layouts that are one and the same otherwise: with AltGr,
 * which not all have, and by what Caps Lock does to digits.
 */
function varies(stroke: KeyStroke): boolean {
  if (stroke.key === "AltGraph") return true;
  const character = characterOf(stroke);
  if (character === "") return false;
  return stroke.getModifierState("AltGraph") || (stroke.getModifierState("CapsLock") && !/[a-z]/i.test(character));
}
