/**
 * What the keys do, as events for the server: physical code and keysym, held
 * keys let go of in time, the quirks of the platforms undone.
 */

import { every, type Clock } from "../clock.ts";
import { ofKey, ofText } from "../keysym.ts";
import { Action, type InputEvent } from "../wire.ts";
import { AltGr } from "./altgr.ts";
import { characterOf, isLock, isModifier, type KeyStroke, type Platform } from "./stroke.ts";
import { pieces } from "./text.ts";

/** The lease of held keys is renewed this often, in ms. */
const RENEW = 500;
/** Strokes that may wait for the clipboard, or for the desktop to be back. */
const MAX_WAITING = 64;
const CONTROL = 0xffe3;

/** The modifiers whose state every later event reports. */
const reported = new Set(["Shift", "Control", "Alt", "Meta"]);

interface Held {
  code: string;
  keysym: number;
  /** The modifier whose state events report reliably: they did when it was pressed. */
  reported: string | undefined;
  /** Up on the desktop for the moment. */
  lifted?: boolean;
}

/** What the person has chosen, asked for at each stroke. */
export interface KeyChoice {
  /** Whether a stroke counts by its place on the keyboard rather than by what it means. */
  places(stroke: KeyStroke): boolean;
  /** What ⌘ is for the desktop. */
  command(): "ctrl" | "super";
  /** The modifiers that are latched have changed. */
  latched(): void;
}

const plain: KeyChoice = { places: () => false, command: () => "super", latched: () => {} };

const identity = (stroke: KeyStroke): string => stroke.code || `key ${stroke.key}`;
/** The identity of a modifier that no key of its own stands for. */
const added = (keysym: number): string => `keysym ${keysym}`;

export class Keyboard {
  private readonly held = new Map<string, Held>();
  /** Modifiers that the desktop has let go of, and the person perhaps not. */
  private readonly lost = new Map<string, Held>();
  /** Modifiers for the next key or click, by keysym. */
  private readonly latches = new Set<number>();
  private readonly altGr: AltGr;
  private waiting: (() => void)[] | null = null;
  /** More came than may wait, perhaps a key's going up. */
  private overflowed = false;
  /** The locks as the server has been told; "" not yet. */
  private locks = "";

  constructor(
    clock: Clock,
    private readonly platform: Platform,
    private readonly send: (event: InputEvent) => void,
    private readonly choice: KeyChoice = plain,
  ) {
    this.altGr = new AltGr(clock, platform, (control) => this.press(control));
  }

  /** Whether a key is held. */
  get holding(): boolean {
    return this.held.size > 0;
  }

  /** A key has gone down, or repeats. */
  down(stroke: KeyStroke): void {
    if (stroke.repeat && this.waiting) return; // How long a key is held while nothing happens is no measure.
    if (this.defer(() => this.down(stroke))) return;
    const id = identity(stroke);
    if (this.altGr.take(stroke, !this.held.has(id))) return;
    this.reconcile(stroke);
    if (!ofKey(stroke) && !stroke.code) return;
    const before = this.held.get(id);
    if (stroke.repeat) {
      // A key that went down elsewhere, or has been let go of meanwhile, must not come back by itself.
      if (before) this.key(Action.Repeat, before.keysym, before.code);
      return;
    }
    this.let(id);
    this.press(stroke);
    if (this.releasesUnseen(stroke)) this.finish(stroke);
  }

  /** A key has gone up. */
  up(stroke: KeyStroke): void {
    if (this.defer(() => this.up(stroke))) return;
    this.altGr.flush();
    this.lost.delete(identity(stroke));
    if (this.platform === "mac" && stroke.key === "CapsLock") this.tap(ofKey(stroke), stroke.code);
    this.finish(stroke);
    this.reconcile(stroke);
  }

  /** Text that no key stands for: of an input method, a dead key, a phone's keyboard. */
  text(text: string): void {
    if (this.defer(() => this.text(text))) return;
    this.altGr.flush();
    if (this.latches.size === 0) {
      for (const piece of pieces(text)) this.send({ type: "text", text: piece });
      return;
    }
    this.engageLatches();
    for (const keysym of ofText(text)) this.tap(keysym, "");
    this.unlatch();
  }

  /** Presses keys of these keysyms one after the other, then lets them go: Ctrl+Alt+Del. Latched modifiers go with them. */
  chord(keysyms: readonly number[]): void {
    if (this.defer(() => this.chord(keysyms))) return;
    this.engageLatches();
    for (const keysym of keysyms) this.key(Action.Down, keysym, "");
    for (const keysym of [...keysyms].reverse()) this.key(Action.Up, keysym, "");
    this.unlatch();
  }

  /** Holds a modifier for the next key or click, or no longer. */
  latch(keysym: number): void {
    if (!this.latches.delete(keysym)) this.latches.add(keysym);
    this.let(added(keysym));
    this.choice.latched();
  }

  /** Whether a modifier is held for the next key or click. */
  isLatched(keysym: number): boolean {
    return this.latches.has(keysym);
  }

  /** A click is about to follow: what is to be held with it goes down. */
  engage({ metaKey }: { metaKey: boolean }): void {
    this.altGr.flush();
    this.engageLatches();
    if (metaKey) this.engageCommand();
  }

  /** The click is over. */
  unlatch(): void {
    if (this.latches.size === 0) return;
    for (const keysym of this.latches) this.let(added(keysym));
    this.latches.clear();
    this.choice.latched();
  }

  /** Holds strokes back until the promise is settled, in their order. */
  pause(until: Promise<unknown>): void {
    if (this.waiting) return;
    const waiting: (() => void)[] = [];
    this.waiting = waiting;
    this.overflowed = false;
    const resume = () => {
      if (this.waiting !== waiting) return;
      this.waiting = null;
      for (const stroke of waiting) stroke();
      if (this.overflowed) this.letAll();
    };
    until.then(resume, resume);
  }

  /** Lets go of everything, also of what waits and, unless they are to stay, of latched modifiers. */
  release(latched: "let go" | "kept" = "let go"): void {
    if (latched === "let go") this.unlatch();
    this.altGr.drop();
    this.waiting = null;
    this.locks = "";
    this.held.clear();
    this.lost.clear();
  }

  /** The same, for a desktop that is about to be back: modifiers that are still held then are pressed again with the next key. */
  suspend(): void {
    const modifiers = [...this.lost, ...this.held].filter(([, { reported }]) => reported);
    this.release();
    for (const [id, held] of modifiers) this.lost.set(id, held);
  }

  private defer(stroke: () => void): boolean {
    if (!this.waiting) return false;
    if (this.waiting.length < MAX_WAITING) this.waiting.push(stroke);
    else this.overflowed = true;
    return true;
  }

  private key(action: Action, keysym: number, code: string): void {
    this.send({ type: "key", action, keysym, code });
  }

  private tap(keysym: number, code: string): void {
    this.key(Action.Down, keysym, code);
    this.key(Action.Up, keysym, code);
  }

  private hold(id: string, held: Held): void {
    if (this.held.has(id)) return;
    this.held.set(id, held);
    this.key(Action.Down, held.keysym, held.code);
  }

  private press(stroke: KeyStroke): void {
    if (this.isCommand(stroke)) return; // It is pressed with what follows: alone it does nothing.
    const { code, key } = stroke;
    const keysym = this.choice.places(stroke) ? 0 : this.meaning(stroke);
    if (!isModifier(stroke)) {
      this.restore(stroke);
      this.tellLocks(stroke);
      if (keysym) this.liftOption(stroke);
      this.engageLatches();
      if (stroke.metaKey) this.engageCommand();
    }
    this.hold(identity(stroke), {
      code,
      keysym,
      reported: reported.has(key) && stroke.getModifierState(key) ? key : undefined,
    });
  }

  private let(id: string): void {
    const key = this.held.get(id);
    if (!key) return;
    this.held.delete(id);
    if (!key.lifted) this.key(Action.Up, key.keysym, key.code);
  }

  /** Lets go of all that may be up by now; modifiers that are not come back with the next key. */
  private letAll(): void {
    for (const [id, held] of this.held) {
      this.let(id);
      if (held.reported) this.lost.set(id, held);
    }
  }

  /** Lets go of the key of a stroke, and of what was latched for it. */
  private finish(stroke: KeyStroke): void {
    const id = identity(stroke);
    const typed = this.held.has(id) && !isModifier(stroke);
    this.let(id);
    if (typed) this.unlatch();
  }

  private engageLatches(): void {
    for (const keysym of this.latches) this.hold(added(keysym), { code: "", keysym, reported: undefined });
  }

  private isCommand({ key }: KeyStroke): boolean {
    return key === "Meta" && this.commandIsControl;
  }

  private get commandIsControl(): boolean {
    return this.platform === "mac" && this.choice.command() === "ctrl";
  }

  private engageCommand(): void {
    if (this.commandIsControl) this.hold(added(CONTROL), { code: "", keysym: CONTROL, reported: "Meta" });
  }

  /** Tells which locks are on before a key that they may change, if the server does not know. */
  private tellLocks(stroke: KeyStroke): void {
    if (isLock(stroke)) return;
    const caps = stroke.getModifierState("CapsLock");
    const num = this.platform === "mac" || stroke.getModifierState("NumLock"); // A Mac's keypad types digits.
    const locks = `${caps} ${num}`;
    if (locks === this.locks) return;
    this.locks = locks;
    this.send({ type: "locks", caps, num });
  }

  /** What a stroke means. With the command key, macOS leaves letters small under Shift. */
  private meaning(stroke: KeyStroke): number {
    const shifted = this.platform === "mac" && stroke.metaKey && stroke.getModifierState("Shift");
    return shifted && /^[a-z]$/.test(stroke.key) ? ofKey({ ...stroke, key: stroke.key.toUpperCase() }) : ofKey(stroke);
  }

  /** macOS reports no keyup while the command key is held, and a lock key's two strokes as one. */
  private releasesUnseen(stroke: KeyStroke): boolean {
    if (this.platform !== "mac") return false;
    return stroke.key === "CapsLock" || (stroke.metaKey && !isModifier(stroke));
  }

  /**
   * On macOS, Option takes part in typing: "å" is a character of its own, not
   * Alt and a. Alt goes up before such a character, and down again before the
   * next key that is none.
   */
  private liftOption(stroke: KeyStroke): void {
    if (this.platform !== "mac") return;
    const character = characterOf(stroke);
    const typed = character !== "" && !/^[a-z0-9]$/i.test(character) && !stroke.metaKey && !stroke.getModifierState("Control");
    for (const held of this.held.values()) {
      if (held.reported !== "Alt" || !!held.lifted === typed) continue;
      held.lifted = typed;
      this.key(typed ? Action.Up : Action.Down, held.keysym, held.code);
    }
  }

  /** Presses again what was lost, as far as the event says that it is still held. */
  private restore(stroke: KeyStroke): void {
    for (const [id, held] of this.lost) {
      if (stroke.getModifierState(held.reported ?? "")) this.hold(id, { ...held, lifted: false });
    }
    this.lost.clear();
  }

  /** Lets go of modifiers that the event says are up: their keyup went elsewhere. */
  private reconcile(stroke: KeyStroke): void {
    for (const [id, { reported }] of this.held) {
      if (reported && id !== identity(stroke) && !stroke.getModifierState(reported)) this.let(id);
    }
  }
}

/** Renews the lease of what is held for as long as something is. */
export function renewing(clock: Clock, holding: () => boolean, send: (event: InputEvent) => void): () => void {
  return every(clock, RENEW, () => {
    if (holding()) send({ type: "renew" });
  });
}
