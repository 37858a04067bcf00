/** The person's keyboard put together. */

import type { Clock } from "../clock.ts";
import type { SettingsStore } from "../settings.ts";
import type { InputEvent } from "../wire.ts";
import { LayoutDetector, type KeyboardMap } from "./detector.ts";
import { canLock, FullscreenKeys, type LockableKeyboard } from "./fullscreen.ts";
import { Keyboard } from "./keyboard.ts";
import { KeyMode, type KeyboardMessage } from "./mode.ts";
import { platformOf } from "./stroke.ts";
import { TextInput } from "./textinput.ts";

/** The browser, as far as it tells of the keyboard. */
export interface KeyboardNavigator {
  readonly platform: string;
  readonly languages: readonly string[];
  readonly keyboard?: KeyboardMap & LockableKeyboard;
}

export interface TypingListener {
  /** An event for the desktop. */
  send(event: InputEvent): void;
  /** Tells the server of the person's layout; false when it cannot now. */
  tell(message: KeyboardMessage): boolean;
  /** Whether what the person types is taken. */
  typing(): boolean;
  /** The latched modifiers have changed. */
  latched(): void;
}

export class Typing {
  readonly keyboard: Keyboard;
  readonly mode: KeyMode;
  readonly text: TextInput;
  private readonly layouts: LayoutDetector;
  private readonly fullscreen: FullscreenKeys;

  constructor(
    clock: Clock,
    private readonly navigator: KeyboardNavigator,
    sink: HTMLTextAreaElement,
    private readonly store: SettingsStore,
    listener: TypingListener,
  ) {
    const platform = platformOf(navigator);
    this.layouts = new LayoutDetector(navigator.keyboard, navigator.languages, () => this.mode.update());
    this.mode = new KeyMode(platform, this.layouts, () => store.value, (message) => listener.tell(message));
    this.keyboard = new Keyboard(clock, platform, (event) => listener.send(event), {
      places: (stroke) => this.mode.places(stroke),
      command: () => store.value.command,
      latched: () => listener.latched(),
    });
    this.text = new TextInput(sink, platform, this.keyboard, () => listener.typing());
    this.fullscreen = new FullscreenKeys(navigator.keyboard, () => store.value.lock);
  }

  /** Whether the desktop gets Escape also while the page fills the screen. */
  get escapes(): boolean {
    return canLock(this.navigator.keyboard) && this.store.value.lock;
  }

  /** Asks the browser what it knows, and listens to it for as long as the page lives. */
  start(): void {
    const fill = () => this.fullscreen.update(document.fullscreenElement !== null);
    document.addEventListener("fullscreenchange", fill);
    this.store.onChange(() => {
      this.mode.update();
      fill();
    });
    void this.layouts.start();
  }
}
