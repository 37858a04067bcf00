/** The VNC page put together: the picture by VNC; sign-in, clipboard and size by the WebSocket that all pages have. */

import { Backoff } from "../src/backoff.ts";
import type { Content } from "../src/clipboard/content.ts";
import { Exchange } from "../src/clipboard/exchange.ts";
import { browserPictures } from "../src/clipboard/pictures.ts";
import { pastedContent, type SystemClipboard } from "../src/clipboard/system.ts";
import { every, pageClock } from "../src/clock.ts";
import { Company } from "../src/company.ts";
import { Connection, type LinkState, type Socket } from "../src/connection.ts";
import { isOurs, isWayOut } from "../src/desk.ts";
import type { Entry } from "../src/entry.ts";
import { session, socketURL } from "../src/http.ts";
import { isCopy, isPaste } from "../src/keyboard/stroke.ts";
import { onNetworkChange } from "../src/network.ts";
import type { Control, Feature, HelloMessage, ServerMessage } from "../src/protocol.ts";
import type { Settings } from "../src/settings.ts";
import { Card, waiting, type View } from "../src/ui/card.ts";
import { ClipboardPanel } from "../src/ui/panel.ts";
import { nameOf } from "../src/ui/people.ts";
import { refusalWords } from "../src/ui/refusal.ts";
import { Toasts } from "../src/ui/toast.ts";
import { Transfers } from "../src/ui/transfers.ts";
import { staleVersion } from "../src/version.ts";
import { Bar } from "./bar.ts";
import { VNCLink, type AttemptListener } from "./link.ts";
import { PasteGate } from "./paste.ts";
import { show, watchSize, type VNCScreen } from "./screen.ts";
import type { VNCWords } from "./words.ts";

export class VNCPage {
  private readonly connection: Connection;
  private readonly link: VNCLink;
  private readonly exchange: Exchange;
  private readonly transfers: Transfers;
  private readonly card: Card;
  private readonly bar: Bar;
  private readonly panel: ClipboardPanel;
  private readonly toasts = new Toasts();
  private screen: VNCScreen | null = null;
  private hello: HelloMessage | null = null;
  private wishSize = () => {};
  private readonly gate = new PasteGate(() => this.exchange.clipboard.beforePaste());
  /** Whether the VNC socket says which page it belongs to. */
  private named = true;
  private readonly company = new Company(pageClock, (event, person) => {
    this.toasts.say(this.words.say(`people.${event}`, nameOf(this.words, person)));
  });

  /** home is the URL of the desktop's own page, one level up. */
  constructor(
    private readonly words: VNCWords,
    private readonly settings: Settings,
    private readonly version: string,
    home: string,
    system: SystemClipboard,
    private readonly entry: Entry,
    private readonly stage: HTMLElement,
  ) {
    this.connection = new Connection(
      { clock: pageClock, wall: Date.now, backoff: new Backoff(), open: () => new WebSocket(socketURL(home)) as Socket, session: () => session(home) },
      (tell) => tell({ type: "hello", version, lang: words.language, transport: "none", key: entry.key, share: entry.share }),
      { state: (state) => this.linked(state), message: (message) => this.receive(message), binary: (data) => void this.exchange.take(data) },
    );
    this.link = new VNCLink(
      pageClock,
      new Backoff(),
      (listener) => (this.screen = show(stage, socketURL(document.baseURI), this.protocols, this.manner, this.naming(listener))),
      () => this.render(),
    );
    this.transfers = new Transfers(words, pageClock, (way) => this.exchange.cancel(way));
    this.exchange = new Exchange(pageClock, this.connection, system, browserPictures, () => settings, {
      may: (feature) => this.may(feature),
      changed: (content, offered) => this.copied(content, offered),
      tell: ({ code, args }) => this.tell(code, args),
      progress: (way, progress) => this.transfers.show(way, progress),
      given: () => this.gate.drop(),
    });
    const reconnect = () => this.connection.connect();
    this.card = new Card(words, { reconnect, ...entry.form(reconnect) });
    this.panel = new ClipboardPanel(words, { ...this.exchange.panel, refused: (...features) => refusalWords(words, (feature) => this.hello?.refuse[feature], features), closed: () => this.screen?.focus() });
    this.bar = new Bar(words, {
      clipboard: () => (this.panel.open ? this.panel.close() : this.panel.show()),
      reconnect,
      leave: () => this.screen?.focus(),
    });
    document.documentElement.lang = words.language;
    stage.setAttribute("aria-label", words.say("app.desktop"));
    document.body.append(this.card.root, this.bar.root, this.panel.root, this.transfers.root, this.toasts.root);
  }

  /** Starts, by what the address had to come in by. */
  async start(): Promise<void> {
    this.listen();
    every(pageClock, 1000, () => this.render()); // the countdown
    const result = this.entry.pending ? await this.entry.exchange() : "in";
    this.card.refuse(result);
    if (this.entry.byLink && result !== "in") {
      this.connection.end({ code: result === "wrong" ? "no-share" : `link-${result}`, args: [] });
    } else this.connection.connect();
  }

  /** Lets go of all keys, also of those that wait for a paste: without the others they would mean something else. */
  private release(): void {
    this.gate.drop();
    this.screen?.release();
  }

  private listen(): void {
    const { gate } = this;
    const { clipboard } = this.exchange;
    const key = (event: KeyboardEvent) => {
      if (isOurs(event)) return;
      const down = event.type === "keydown";
      if (down && isWayOut(event)) {
        this.release();
        this.bar.focus();
        event.stopImmediatePropagation();
        return;
      }
      if (down && isCopy(event)) clipboard.copying();
      if (down && !isPaste(event)) void clipboard.gesture();
      gate.take(event, down && isPaste(event));
    };
    addEventListener("keydown", key, { capture: true });
    addEventListener("keyup", key, { capture: true });
    addEventListener("pointerdown", (event) => {
      if (!isOurs(event)) void clipboard.gesture();
    }, { capture: true });
    addEventListener("paste", (event) => {
      if (!isOurs(event)) clipboard.pasted(pastedContent(event.clipboardData));
    });
    addEventListener("focusin", (event) => {
      if (isOurs(event)) this.release();
    });
    addEventListener("focus", () => void clipboard.focused());
    onNetworkChange(() => this.connection.poke());
    document.addEventListener("visibilitychange", () => {
      // One that is open may just be slow beside the picture, which begins anew with each.
      if (!document.hidden && this.connection.state.name !== "open") this.connection.poke();
    });
    addEventListener("pagehide", () => this.connection.end({ code: "left", args: [] }));
    addEventListener("pageshow", ({ persisted }) => {
      if (persisted) this.connection.connect();
    });
    if (this.settings.resize === "remote") {
      this.wishSize = watchSize(this.stage, (wish) => {
        if (this.may("resize")) this.connection.send({ type: "resize", ...wish });
      });
    }
  }

  /** The subprotocol by which both sockets are of one viewer. */
  private get protocols(): string[] {
    return this.named ? [`lucarne.page.${this.connection.page}`] : [];
  }

  /**
   * A proxy that loses the subprotocol lets no socket through that has one: the next goes without, and is of
   * a viewer of its own. One that has a key does not: it has no other way to say it.
   */
  private naming(listener: AttemptListener): AttemptListener {
    const ABNORMAL = 1006; // RFC 6455 section 7.4.1
    let met = false;
    return {
      connected: () => {
        met = true;
        listener.connected();
      },
      closed: (code, reason) => {
        if (!met && code === ABNORMAL) this.named = !this.named || this.entry.key !== "";
        listener.closed(code, reason);
      },
    };
  }

  /** How the desktop is shown. */
  private get manner(): { scale: boolean; watch: boolean } {
    return { scale: this.settings.resize !== "off", watch: !this.may("keyboard") && !this.may("pointer") };
  }

  private may(feature: Feature): boolean {
    return this.hello?.allow.includes(feature) ?? false;
  }

  private linked(state: LinkState): void {
    // Without the one there is no policy for the other.
    if (state.name !== "open") this.link.close();
    if (state.name !== "open" && state.name !== "resuming") this.exchange.stop();
    if (state.name === "ended" && state.reason.code === "logged-out") this.entry.forget();
    // Who has come by a link has no token to give.
    if (state.name === "login" && this.entry.byLink) return this.connection.end({ code: "no-share", args: [] });
    this.render();
  }

  private receive(message: ServerMessage): void {
    switch (message.type) {
      case "hello":
        return this.greeted(message);
      case "display":
        if (message.state !== "up") return;
        this.wishSize();
        return this.exchange.renewed();
      case "people":
        return this.company.say(message.people);
      case "control":
        this.assume(message);
        if (message.you) this.wishSize();
        return;
      case "clipboard":
      case "transfer":
        return this.exchange.receive(message);
      case "reason":
        return this.tell(message.code, message.args);
    }
  }

  /** What the person may do is as this says from now on. */
  private assume({ role, allow, refuse }: Control): void {
    if (!this.hello) return;
    const could = this.hello.role !== "viewer";
    const { watch } = this.manner;
    this.hello = { ...this.hello, role, allow, refuse };
    if (!could && role !== "viewer") this.exchange.renewed();
    if (watch === this.manner.watch) return;
    this.screen?.watch(this.manner.watch);
    this.toasts.say(this.words.say(watch ? "people.got" : "people.lost"));
    this.render();
  }

  private greeted(hello: HelloMessage): void {
    if (staleVersion(hello.version, this.version, () => sessionStorage)) {
      location.reload();
      return;
    }
    this.hello = hello;
    this.wishSize();
    this.exchange.welcome(hello);
    this.link.connect();
  }

  private tell(code: string, args: string[] = []): void {
    const { what, remedy } = this.words.reason({ code, args });
    this.toasts.say(what, remedy);
  }

  private copied(content: Content, offered: boolean): void {
    if (this.panel.open) this.panel.update(content);
    else if (offered) {
      const { words } = this;
      this.toasts.say(words.say("clipboard.offered"), "", {
        label: words.say("clipboard.copy"),
        act: () => void this.exchange.clipboard.copy(content).then((copied) => copied || this.panel.show()),
      });
    }
  }

  private render(): void {
    const { words, bar } = this;
    const { name } = this.link.state;
    const link = this.connection.state.name;
    const state = link === "open" ? name : link;
    const connected = state === "connected";
    document.documentElement.dataset.state = state;
    this.card.show(link === "login" ? "login" : this.view());
    bar.pin(!connected);
    if (connected) bar.say(this.manner.watch ? words.say("state.watching") : words.own("connected"), "good");
    else if (state === "ended") bar.say(words.say("state.ended"), "bad");
    else bar.say(words.say("state.connecting"), "busy");
  }

  private view(): View | null {
    const { words } = this;
    const link = this.connection.state;
    if (link.name === "waiting") return waiting(words, link, pageClock.now());
    if (link.name === "ended") return { title: words.say("state.ended"), ...words.reason(link.reason), reconnect: true };
    const vnc = this.link.state;
    switch (vnc.name) {
      case "connected":
        return null;
      case "waiting":
        return { title: words.say("state.unconnected"), busy: true, ...words.reason(vnc.reason), reconnect: true };
      case "ended":
        return { title: words.say("state.ended"), ...words.reason(vnc.reason), reconnect: true };
    }
    return { title: words.say("state.connecting"), busy: true };
  }
}
