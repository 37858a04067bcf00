/**
 * What the browser makes text of itself: input methods, dead keys, the picker of
 * emoji, phones' keyboards. It arrives in a text field that nobody sees.
 */

import type { Keyboard } from "./keyboard.ts";
import { characterOf, isModifier, type Platform } from "./stroke.ts";

const BACKSPACE = 0xff08;
const RETURN = 0xff0d;
const DELETE = 0xffff;

/** What an edit is for the desktop (W3C Input Events, inputType), where it is no text. */
const edits: Record<string, number> = {
  deleteContentBackward: BACKSPACE,
  deleteWordBackward: BACKSPACE,
  deleteSoftLineBackward: BACKSPACE,
  deleteContentForward: DELETE,
  deleteWordForward: DELETE,
  insertLineBreak: RETURN,
  insertParagraph: RETURN,
};

/** A phone's keyboard tells of a deletion only where there is something to delete: it finds what nobody sees. */
const PADDING = "\u200b".repeat(16);

export class TextInput {
  /** A dead key waits for the next one. */
  private dead = false;
  /** The character of the last key that went to the desktop. */
  private last = "";

  constructor(
    private readonly sink: HTMLTextAreaElement,
    private readonly platform: Platform,
    private readonly keyboard: Pick<Keyboard, "text" | "chord">,
    /** Whether what the person types is taken. */
    private readonly typing: () => boolean,
  ) {
    sink.addEventListener("compositionstart", () => {
      sink.classList.add("composing");
      this.last = "";
    });
    sink.addEventListener("compositionend", ({ data }) => {
      sink.classList.remove("composing");
      this.dead = false;
      this.insert(data);
      this.clear();
    });
    // What can be prevented leaves the field as it is; the rest is taken from it.
    sink.addEventListener("beforeinput", (event) => {
      if (!event.cancelable || !this.take(event)) return;
      event.preventDefault();
    });
    sink.addEventListener("input", (event) => {
      const input = event as InputEvent;
      if (input.isComposing || /Composition/.test(input.inputType)) return;
      this.take(input);
      this.clear();
    });
  }

  /** Whether a keydown is the browser's to make text of, and nothing for the desktop by itself. */
  takes(event: KeyboardEvent): boolean {
    if (event.isComposing || event.keyCode === 229) return true;
    if (isModifier(event)) return false;
    const dead = event.key === "Dead" && !this.isCommand(event);
    const follows = this.dead && !this.isCommand(event) && (characterOf(event) !== "" || /^(Backspace|Escape)$/.test(event.key));
    if (!event.repeat) this.dead = dead;
    const ours = !dead && !follows;
    this.last = ours ? characterOf(event) : "";
    return !ours;
  }

  /** Brings up a phone's keyboard, or puts it away; says which. */
  toggleKeyboard(): boolean {
    const { sink } = this;
    const up = sink.inputMode !== "text";
    sink.inputMode = up ? "text" : "none";
    this.clear();
    sink.blur();
    sink.focus({ preventScroll: true });
    return up;
  }

  /** Whether a stroke is a command rather than typing: AltGr, which Windows reports as Control and Alt, and Option type. */
  private isCommand(event: KeyboardEvent): boolean {
    const { ctrlKey, altKey, metaKey } = event;
    return (ctrlKey || (altKey && this.platform !== "mac") || metaKey) && !event.getModifierState("AltGraph");
  }

  /** Takes what an event has put into the field, or is about to; says whether it was for the desktop. */
  private take({ inputType, isComposing, data, dataTransfer }: InputEvent): boolean {
    if (isComposing || !this.typing()) return false;
    if (inputType === "insertText" || inputType === "insertReplacementText") {
      this.insert(data ?? dataTransfer?.getData("text/plain") ?? "");
      return true;
    }
    const keysym = Object.hasOwn(edits, inputType) ? edits[inputType] : undefined;
    if (keysym) this.keyboard.chord([keysym]);
    return keysym !== undefined;
  }

  private insert(text: string): void {
    if (!text || !this.typing()) return;
    if (this.isAccented(text)) this.keyboard.chord([BACKSPACE]);
    this.last = "";
    this.keyboard.text(text);
  }

  /** macOS offers accents while a letter is held: the one chosen takes the place of the letter. */
  private isAccented(text: string): boolean {
    const [letter = "", ...marks] = text.normalize("NFD");
    return this.platform === "mac" && this.last !== "" && marks.length > 0 && letter.toLowerCase() === this.last.toLowerCase();
  }

  private clear(): void {
    const { sink } = this;
    sink.value = sink.inputMode === "text" ? PADDING : "";
    sink.setSelectionRange(sink.value.length, sink.value.length);
  }
}
