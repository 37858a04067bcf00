/** The person's hands at the desktop: keyboard and pointer, as one sequence of events, and when the desktop takes them. */

import type { Clipboard } from "./clipboard.ts";
import type { Clock } from "./clock.ts";
import type { LinkState } from "./connection.ts";
import { listen } from "./desk.ts";
import { InputSender, type Channel } from "./input.ts";
import { renewing } from "./keyboard/keyboard.ts";
import { Typing } from "./keyboard/typing.ts";
import { Pointing } from "./pointer/pointing.ts";
import type { ClientMessage, Feature } from "./protocol.ts";
import type { Screen } from "./screen.ts";
import type { SettingsStore } from "./settings.ts";
import type { InputEvent } from "./wire.ts";

export interface HandsListener {
  /** How the socket is. */
  link(): LinkState["name"];
  /** The person may act, and not just look. */
  acts(): boolean;
  may(feature: Feature): boolean;
  /** Whether a ping has been waiting for its answer for ms. */
  quiet(ms: number): boolean;
  /** Asks for a sign of life. */
  ping(): void;
  /** Sends a control message; false when it has not been sent. */
  send(message: ClientMessage): boolean;
  /** The latched modifiers have changed. */
  latched(): void;
  /** The browser has refused to lock the pointer; a program wants it locked. */
  lockRefused(): void;
  lockWanted(): void;
  /** The person wants the toolbar, by the keyboard. */
  toolbar(): void;
}

export class Hands {
  readonly typing: Typing;
  readonly pointing: Pointing;
  private readonly input: InputSender;
  private catchUp = () => {};
  private resumed = () => {};

  constructor(
    private readonly clock: Clock,
    private readonly screen: Screen,
    private readonly sink: HTMLTextAreaElement,
    store: SettingsStore,
    private readonly listener: HandsListener,
  ) {
    this.input = new InputSender(clock, (ms) => listener.quiet(ms));
    this.typing = new Typing(clock, navigator, sink, store, {
      send: (event) => this.act("keyboard", event),
      tell: (keyboard) => listener.may("keyboard") && listener.send({ type: "keyboard", ...keyboard }),
      typing: () => this.taking,
      latched: () => listener.latched(),
    });
    this.pointing = new Pointing(clock, screen, store, {
      send: (event) => this.act(event.type === "key" ? "keyboard" : "pointer", event),
      lost: () => void listener.send({ type: "pointer" }),
      refused: () => listener.lockRefused(),
      wanted: () => listener.lockWanted(),
    });
  }

  /** Listens to them, for as long as the page lives. */
  start(clipboard: Clipboard): void {
    const { listener, typing, pointing } = this;
    typing.start();
    this.catchUp = listen({
      screen: this.screen,
      sink: this.sink,
      keyboard: typing.keyboard,
      text: typing.text,
      clock: this.clock,
      pointing,
      clipboard,
      live: () => this.live,
      typing: () => this.taking,
      release: (latched) => this.release(latched),
      toolbar: () => {
        pointing.lock.leave();
        listener.toolbar();
      },
    });
    renewing(this.clock, () => this.holding, (event) => {
      this.input.send(event);
      listener.ping();
    });
    addEventListener("beforeunload", (event) => {
      // Ctrl+W was meant for the desktop.
      if (listener.link() === "open" && typing.keyboard.holding) event.preventDefault();
    });
  }

  /** Whether the person may act on the desktop at the moment. */
  get live(): boolean {
    return this.listener.link() === "open" && this.listener.acts();
  }

  /** Whether the mouse can be locked now. */
  get lockable(): boolean {
    return this.pointing.lock.offered && this.live && this.listener.may("pointer");
  }

  /** The desktop lies elsewhere in the tab: at this position of it the pointer is now. */
  moved(under: Parameters<Pointing["pointer"]["move"]>[0] | null): void {
    if (under && this.live) this.pointing.pointer.move(under);
  }

  /** What lay over the desktop may have gone, or the person may have come to act on it. */
  look(): void {
    this.catchUp();
  }

  /** Lets go of everything that is held, but for latched modifiers that are kept. */
  release(latched?: "kept"): void {
    const held = this.holding;
    this.typing.keyboard.release(latched);
    this.pointing.pointer.release();
    if (held) this.input.send({ type: "release" });
  }

  /** The socket is in another state. */
  linked(name: LinkState["name"]): void {
    const { keyboard } = this.typing;
    if (name === "open") return;
    if (name === "resuming") keyboard.suspend();
    else keyboard.release();
    this.pointing.pointer.release();
    this.input.use(null, null);
    // What is typed in the meantime waits: nothing in the page says that there is one.
    if (name === "resuming") keyboard.pause(new Promise<void>((resolve) => (this.resumed = resolve)));
  }

  /** A new connection has begun, which has handled events up to seq; the path of the picture is known: use follows. */
  welcome(seq: number): void {
    this.pointing.welcome();
    this.input.reset(seq);
    this.typing.mode.welcome();
  }

  /** What has been typed in the meantime goes now. */
  resume(): void {
    this.resumed();
  }

  /** The server has handled events up to seq. */
  acknowledge(seq: number): void {
    this.input.acknowledge(seq);
  }

  /** By which channels events go. */
  use(keys: Channel, motion: Channel): void {
    this.input.use(keys, motion);
  }

  /** Whether what the person types is taken: now, or for a desktop that is about to be back. */
  private get taking(): boolean {
    return this.live || (this.listener.link() === "resuming" && this.listener.may("keyboard"));
  }

  private get holding(): boolean {
    return this.typing.keyboard.holding || this.pointing.pointer.holding;
  }

  private act(feature: Feature, event: InputEvent): boolean {
    // What may not be sent counts as sent: trying again would not help.
    return !this.listener.may(feature) || !this.listener.acts() || this.input.send(event);
  }
}
