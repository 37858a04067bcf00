/**
 * What the keys do, as events for the server: physical code and keysym, held
 * keys let go of in time, the quirks of the platforms undone.
 */

import { every, type Clock } from "./clock.ts";
import { ofKey, ofText } from "./keysym.ts";
import { Action, type InputEvent } from "./wire.ts";

/** The part of a KeyboardEvent that is used. */
export interface KeyStroke {
  code: string;
  key: string;
  location: number;
  repeat: boolean;
  metaKey: boolean;
  timeStamp: number;
  getModifierState(name: string): boolean;
}

export type Platform = "windows" | "mac" | "other";

/** How far apart the two events of an AltGr press may be on Windows, in ms. */
const GHOST = 50;
/** The lease of held keys is renewed this often, in ms. */
const RENEW = 500;
/** Strokes that may wait for the clipboard. */
const MAX_WAITING = 64;

/** The modifiers that a KeyboardEvent reports, by keysym. */
const modifiers: Record<number, string> = {
  0xffe1: "Shift",
  0xffe2: "Shift",
  0xffe3: "Control",
  0xffe4: "Control",
  0xffe9: "Alt",
  0xffea: "Alt",
  0xffeb: "Meta",
  0xffec: "Meta",
};

interface Held {
  code: string;
  keysym: number;
  /** The modifier whose state events report reliably: they did when it was pressed. */
  reported: string | undefined;
  /** Up on the desktop for the moment. */
  lifted?: boolean;
}

const identity = (stroke: KeyStroke): string => stroke.code || `key ${stroke.key}`;

export class Keyboard {
  private readonly held = new Map<string, Held>();
  /** Modifiers that the desktop has let go of, and the person perhaps not. */
  private readonly lost = new Map<string, Held>();
  private ghost: { stroke: KeyStroke; cancel: () => void } | null = null;
  private waiting: (() => void)[] | null = null;

  constructor(
    private readonly clock: Clock,
    private readonly platform: Platform,
    private readonly send: (event: InputEvent) => void,
  ) {}

  /** Whether a key is held. */
  get holding(): boolean {
    return this.held.size > 0;
  }

  /** A key has gone down, or repeats. */
  down(stroke: KeyStroke): void {
    if (this.defer(() => this.down(stroke))) return;
    if (this.takeGhost(stroke)) return;
    this.reconcile(stroke);
    const id = identity(stroke);
    if (!ofKey(stroke) && !stroke.code) return;
    const before = this.held.get(id);
    if (stroke.repeat) {
      // A key that went down elsewhere, or has been let go of meanwhile, must not come back by itself.
      if (before) this.key(Action.Repeat, before.keysym, before.code);
      return;
    }
    if (before) this.key(Action.Up, before.keysym, before.code);
    this.press(stroke);
    if (this.releasesUnseen(stroke)) this.let(id);
  }

  /** A key has gone up. */
  up(stroke: KeyStroke): void {
    if (this.defer(() => this.up(stroke))) return;
    this.flushGhost();
    this.lost.delete(identity(stroke));
    if (this.platform === "mac" && stroke.key === "CapsLock") this.tap(ofKey(stroke), stroke.code);
    this.let(identity(stroke));
    this.reconcile(stroke);
  }

  /** Text that no key stands for (an input method, a dead key, a phone's keyboard), as keysyms one by one. */
  text(text: string): void {
    if (this.defer(() => this.text(text))) return;
    this.flushGhost();
    for (const keysym of ofText(text)) this.tap(keysym, "");
  }

  /** Holds strokes back until the promise is settled, in their order. */
  pause(until: Promise<unknown>): void {
    if (this.waiting) return;
    const waiting: (() => void)[] = [];
    this.waiting = waiting;
    const resume = () => {
      if (this.waiting !== waiting) return;
      this.waiting = null;
      for (const stroke of waiting) stroke();
    };
    until.then(resume, resume);
  }

  /** Lets go of everything, also of what waits. */
  release(): void {
    this.ghost?.cancel();
    this.ghost = null;
    this.waiting = null;
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
    return true;
  }

  private key(action: Action, keysym: number, code: string): void {
    this.send({ type: "key", action, keysym, code });
  }

  private tap(keysym: number, code: string): void {
    this.key(Action.Down, keysym, code);
    this.key(Action.Up, keysym, code);
  }

  private press(stroke: KeyStroke): void {
    const { code } = stroke;
    const keysym = ofKey(stroke);
    const name = modifiers[keysym];
    if (!name) this.restore(stroke);
    if (!name) this.liftOption(stroke);
    const reported = name && stroke.getModifierState(name) ? name : undefined;
    this.held.set(identity(stroke), { code, keysym, reported });
    this.key(Action.Down, keysym, code);
  }

  private let(id: string): void {
    const key = this.held.get(id);
    if (!key) return;
    this.held.delete(id);
    if (!key.lifted) this.key(Action.Up, key.keysym, key.code);
  }

  /** macOS reports no keyup while the command key is held, and a lock key's two strokes as one. */
  private releasesUnseen(stroke: KeyStroke): boolean {
    if (this.platform !== "mac") return false;
    return stroke.key === "CapsLock" || (stroke.metaKey && stroke.key !== "Meta");
  }

  /**
   * On macOS, Option takes part in typing: "å" is a character of its own, not
   * Alt and a. Alt goes up before such a character, and down again before the
   * next key that is none.
   */
  private liftOption(stroke: KeyStroke): void {
    if (this.platform !== "mac") return;
    const character = [...stroke.key].length === 1 && !/^[a-z0-9]$/i.test(stroke.key);
    const typed = character && !stroke.metaKey && !stroke.getModifierState("Control");
    for (const held of this.held.values()) {
      if (modifiers[held.keysym] !== "Alt" || !!held.lifted === typed) continue;
      held.lifted = typed;
      this.key(typed ? Action.Up : Action.Down, held.keysym, held.code);
    }
  }

  /** Presses again what was lost, as far as the event says that it is still held. */
  private restore(stroke: KeyStroke): void {
    for (const [id, held] of this.lost) {
      if (!stroke.getModifierState(held.reported ?? "") || this.held.has(id)) continue;
      this.held.set(id, { ...held, lifted: false });
      this.key(Action.Down, held.keysym, held.code);
    }
    this.lost.clear();
  }

  /** Lets go of modifiers that the event says are up: their keyup went elsewhere. */
  private reconcile(stroke: KeyStroke): void {
    for (const [id, { reported }] of this.held) {
      if (reported && id !== identity(stroke) && !stroke.getModifierState(reported)) this.let(id);
    }
  }

  /**
   * Windows sends AltGr as left Control and right Alt. The Control is held back
   * for a moment, and dropped when the Alt follows. true: the stroke is held back.
   */
  private takeGhost(stroke: KeyStroke): boolean {
    const { ghost } = this;
    if (ghost && stroke.code === "AltRight" && stroke.timeStamp - ghost.stroke.timeStamp <= GHOST) {
      ghost.cancel();
      this.ghost = null;
      return false;
    }
    this.flushGhost();
    const suspect = this.platform === "windows" && stroke.code === "ControlLeft";
    if (!suspect || stroke.repeat || this.held.has(stroke.code)) return false;
    this.ghost = { stroke, cancel: this.clock.after(GHOST, () => this.flushGhost()) };
    return true;
  }

  private flushGhost(): void {
    const { ghost } = this;
    if (!ghost) return;
    ghost.cancel();
    this.ghost = null;
    this.press(ghost.stroke);
  }
}

/** Renews the lease of what is held for as long as something is. */
export function renewing(clock: Clock, holding: () => boolean, send: (event: InputEvent) => void): () => void {
  return every(clock, RENEW, () => {
    if (holding()) send({ type: "renew" });
  });
}

/** Whether a stroke asks a program to paste, by the customs of the desktop or of the viewer's platform. */
export function isPaste(stroke: KeyStroke): boolean {
  const control = stroke.getModifierState("Control") || stroke.metaKey;
  const shift = stroke.getModifierState("Shift");
  const latin = /\p{Script=Latin}/u.test(stroke.key);
  const v = stroke.key === "v" || stroke.key === "V" || (stroke.code === "KeyV" && !latin && /^\p{L}$/u.test(stroke.key));
  return !stroke.repeat && ((control && v) || (shift && stroke.key === "Insert"));
}

/** The viewer's platform, as far as the keyboard differs. */
export function platformOf(navigator: Navigator): Platform {
  if (/^Win/.test(navigator.platform)) return "windows";
  return /^(Mac|iP)/.test(navigator.platform) ? "mac" : "other";
}
