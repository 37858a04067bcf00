/** The page put together: what the server says, what the person does, what is shown. */

import { Access } from "./access.ts";
import { Backoff } from "./backoff.ts";
import { Exchange } from "./clipboard/exchange.ts";
import { browserPictures } from "./clipboard/pictures.ts";
import type { SystemClipboard } from "./clipboard/system.ts";
import { every, pageClock } from "./clock.ts";
import { Connection, sentOut, type LinkState, type Socket } from "./connection.ts";
import { listenForDrops } from "./drop.ts";
import type { Entry } from "./entry.ts";
import { Files } from "./files.ts";
import { Hands } from "./hands.ts";
import { session } from "./http.ts";
import { catalogueOf, pickLanguage, Words, type Language } from "./i18n.ts";
import { Media } from "./media.ts";
import { onNetworkChange } from "./network.ts";
import { wear, type Page } from "./page.ts";
import { lackingOf } from "./processes.ts";
import type { Control, DisplayMessage, Encoding, Feature, GPU, HelloMessage, Process, Reason, ServerMessage } from "./protocol.ts";
import { Screen } from "./screen.ts";
import type { Settings, SettingsStore } from "./settings.ts";
import type { Stats } from "./stats.ts";
import type { Face } from "./ui/face.ts";
import { partMissing, staleVersion } from "./version.ts";

const POLL = 1000;
/** What is around the picture comes after the first one, but no later than this, in ms. */
const BARE = 400;
/** How long the first picture takes to the screen once the page is drawn with it, in ms. */
const SEEN = 50;

export class App {
  private readonly sink: HTMLTextAreaElement;
  private readonly incomplete: DocumentFragment;
  private readonly connection: Connection;
  private readonly media: Media;
  private readonly hands: Hands;
  private readonly screen: Screen;
  private readonly exchange: Exchange;
  private readonly access: Access;
  private readonly files: Files;
  /** What is around the picture, fetched after the first one; null until it is there. */
  private face: Face | null = null;
  private readonly furnished: Promise<void>;
  private furnish = () => {};
  private hello: HelloMessage | null = null;
  private display: DisplayMessage | null = null;
  private encoding: Encoding | null = null;
  private gpus: GPU[] = [];
  private processes: Process[] = [];
  /** What the person has been told that the desktop gets on without. */
  private readonly lacking = new Set<string>();
  private leading = true;
  private pictured = false;
  private unveil = () => {};

  /** system: the browser's clipboard; open: opens the server's socket. */
  constructor(
    private language: Language,
    private readonly store: SettingsStore,
    private readonly version: string,
    system: SystemClipboard,
    open: () => Socket,
    private readonly entry: Entry,
    page: Page,
  ) {
    const { stage, frame, video, canvas, sink } = page;
    this.sink = sink;
    this.incomplete = page.incomplete.content;
    this.connection = new Connection(
      { clock: pageClock, wall: Date.now, backoff: new Backoff(), open, session },
      (tell) =>
        this.media.hello((hello) => tell({ type: "hello", version, lang: this.language, key: entry.key, share: entry.share, ...hello })),
      {
        state: (state) => this.linked(state),
        message: (message) => this.receive(message),
        binary: (data) => this.exchange.take(data) || this.media.take(data),
      },
    );
    this.screen = new Screen(pageClock, stage, frame, video, canvas, store.value.resize, store.value.dpi, {
      wish: (wish) => this.leading && this.may("resize") && this.connection.send({ type: "resize", ...wish }),
      moved: (under) => {
        this.face?.scrolled();
        this.hands.moved(under);
      },
      presented: (frame) => this.media.presented(frame),
    });
    this.hands = new Hands(pageClock, this.screen, sink, store, {
      link: () => this.connection.state.name,
      acts: () => this.acts,
      may: (feature) => this.may(feature),
      quiet: (ms) => this.connection.quiet(ms),
      ping: () => void this.connection.ping(),
      send: (message) => this.connection.send(message),
      latched: () => this.face?.latched(),
      lockRefused: () => this.tell({ code: "pointer-lock-refused", args: [] }),
      lockWanted: () => void this.furnished.then(() => this.face?.offerLock()),
      toolbar: () => void this.furnished.then(() => this.face?.toolbar.focus()),
    });
    this.media = new Media(pageClock, store.value, this.connection.serverClock, this.screen, page.worker, canvas, {
      send: (message) => void this.connection.send(message),
      socket: () => this.connection.channel,
      changed: () => this.rerouted(),
      again: () => this.connection.connect(),
    });
    this.exchange = new Exchange(pageClock, this.connection, system, browserPictures, () => store.value, {
      may: (feature) => this.may(feature),
      changed: (content, offered) => void this.furnished.then(() => this.face?.clipboard(content, offered)),
      tell: (reason) => this.tell(reason),
      progress: (way, progress) => this.face?.transfers.show(way, progress),
      given: () => this.hands.release(),
    });
    this.access = new Access(pageClock, {
      send: (message) => this.connection.send(message),
      may: (feature) => this.may(feature),
      refusal: (feature) => this.hello?.refuse[feature],
      changed: () => this.render(),
      met: (event, person) => void this.furnished.then(() => this.face?.met(event, person)),
      made: (link) => this.face?.made(link),
    });
    this.files = new Files(pageClock, { page: this.connection.page, key: () => entry.key }, document.baseURI, {
      changed: (upload) => this.face?.uploading(upload),
    });
    this.furnished = new Promise((resolve) => (this.furnish = resolve));
  }

  /** Starts, by what the address had to come in by. */
  async start(): Promise<void> {
    const { pending, refused } = this.entry;
    wear(this.store.value.theme);
    this.listen();
    every(pageClock, POLL, () => void this.poll());
    if (pending) void this.enter();
    else this.connection.connect();
    await this.picture();
    const make = await this.fetchFace(this.language).catch(() => null);
    if (!make) return this.lack();
    this.face = make();
    this.furnish();
    this.render();
    this.sink.focus({ preventScroll: true });
    if (refused) this.face.deny(refused);
  }

  /** Comes in by what the address had. */
  private async enter(): Promise<void> {
    const result = await this.entry.exchange();
    void this.furnished.then(() => this.face?.refuse(result));
    if (this.entry.byLink && result !== "in") {
      this.connection.end({ code: result === "wrong" ? "no-share" : `link-${result}`, args: [] });
    } else this.connection.connect();
  }

  /** What is around the picture cannot be had: it comes with the page anew, or the person is told. */
  private lack(): void {
    if (partMissing(this.version, () => sessionStorage)) return location.reload();
    this.incomplete.querySelector("button")?.addEventListener("click", () => location.reload());
    document.body.append(this.incomplete);
  }

  /** Resolves when the first picture is in the tab, when something else is to be said, or after a while. */
  private picture(): Promise<void> {
    return new Promise((resolve) => {
      this.unveil = () => void pageClock.after(SEEN, resolve);
      pageClock.after(BARE, resolve);
    });
  }

  /** Fetches what makes what is around the picture, in a language; rejects where it cannot be had. */
  private async fetchFace(language: Language): Promise<() => Face> {
    const [{ Face }, catalogue] = await Promise.all([import("./ui/face.ts"), catalogueOf(language)]);
    return () => this.makeFace(Face, new Words(language, catalogue));
  }

  private makeFace(made: typeof Face, words: Words): Face {
    this.sink.setAttribute("aria-label", words.say("app.desktop"));
    return new made(words, this.store, {
      clipboard: this.exchange.panel,
      cancel: (way) => this.exchange.cancel(way),
      reconnect: () => this.connection.connect(),
      ...this.entry.form(() => this.connection.connect()),
      signedIn: () => this.entry.key !== "",
      signOut: () => void this.signOut(),
      type: () => this.hands.typing.text.toggleKeyboard(),
      keys: this.hands.typing.keyboard,
      access: this.access,
      files: this.files,
      owns: () => this.hello?.role === "owner",
      examine: () =>
        this.connection.send({ type: "doctor", paths: [new URL("./", document.baseURI).pathname], t: Date.now() }),
      awake: (minutes) => void this.connection.send({ type: "awake", minutes }),
      leave: () => this.sink.focus({ preventScroll: true }),
      escapes: () => this.hands.typing.escapes,
      panning: () => this.screen.panning,
      lockable: () => this.hands.lockable,
      lock: () => this.hands.pointing.toggleLock(),
      refresh: () => this.measure(),
    });
  }

  /** The statistics as they are now. */
  stats(): Stats {
    return { version: this.version, encoding: this.encoding, gpus: this.gpus, ...this.media.stats() };
  }

  /** The person has chosen something else. */
  private chose(now: Settings, before: Settings): void {
    if (now.resize !== before.resize) this.screen.mode = now.resize;
    if (now.dpi !== before.dpi) this.screen.scaled = now.dpi;
    if (now.codec !== before.codec) this.media.codec = now.codec;
    if (now.transport !== before.transport) this.media.transport = now.transport;
    if (now.bitrate !== before.bitrate || now.maxFPS !== before.maxFPS) this.limit();
    if (now.clipboard !== before.clipboard || now.primary !== before.primary) this.exchange.choose();
    if (now.theme !== before.theme) wear(now.theme);
    if (now.stats !== before.stats) this.askForGPUs();
    if (now.language !== before.language) void this.translate();
    this.render();
  }

  /** Puts what is around the picture into the person's language: made anew, it is in no other. */
  private async translate(): Promise<void> {
    const wished = () => pickLanguage([this.store.value.language, ...navigator.languages]);
    const language = wished();
    if (language === this.language) return;
    const make = await this.fetchFace(language).catch(() => null);
    if (!make) return this.tell({ code: "language-missing", args: [] });
    // Meanwhile the person may have chosen again.
    if (wished() !== language || language === this.language || !this.face) return;
    this.language = language;
    this.face.remove();
    this.face = make();
    this.render();
    this.face.openSettings("language");
  }

  /** Has the server tell how the GPUs are while somebody looks. */
  private askForGPUs(): void {
    this.gpus = [];
    this.connection.send({ type: "gpus", on: this.store.value.stats });
  }

  /** Tells the server what the video may take. */
  private limit(): void {
    const { bitrate, maxFPS } = this.store.value;
    this.connection.send({ type: "limits", bitrate, maxFPS });
  }

  private listen(): void {
    this.hands.start(this.exchange.clipboard);
    this.store.onChange((now, before) => this.chose(now, before));
    onNetworkChange(() => {
      this.connection.poke();
      this.media.restart();
    });
    listenForDrops({
      may: () => this.hands.live && this.may("upload"),
      refused: () => this.hands.live && this.access.refusal("upload") !== undefined,
      over: (hanging) => this.face?.hang(hanging),
      dropped: (files, left) => {
        this.files.uploads.add(files);
        if (left > 0) this.face?.folders();
      },
    });
    addEventListener("beforeunload", (event) => {
      if (this.files.uploads.busy) event.preventDefault(); // what is on its way would be given up
    });
    addEventListener("pagehide", () => this.connection.end({ code: "left", args: [] }));
    addEventListener("pageshow", ({ persisted }) => {
      if (persisted) this.connection.connect();
    });
    document.addEventListener("visibilitychange", () => {
      this.media.hide(document.hidden);
      this.connection.send({ type: "visibility", hidden: document.hidden });
      if (document.hidden) return;
      const { state } = this.connection;
      // Who comes back to the tab is there again.
      if (state.name === "ended" && state.reason.code === "paused") this.connection.connect();
      else this.connection.poke();
    });
  }

  /** Whether the person may act on the desktop, and not just look. */
  private get acts(): boolean {
    return this.hello !== null && this.hello.role !== "viewer";
  }

  private may(feature: Feature): boolean {
    return this.hello?.allow.includes(feature) ?? false;
  }

  private async signOut(): Promise<void> {
    if (await this.entry.signOut()) this.connection.end({ code: "logged-out", args: [] });
    else this.tell({ code: "signout-failed", args: [] });
  }

  private tell(reason: Reason): void {
    void this.furnished.then(() => this.face?.tell(reason));
  }

  private linked(state: LinkState): void {
    this.hands.linked(state.name);
    if (state.name !== "open" && state.name !== "resuming") this.exchange.stop();
    if (state.name !== "open") this.face?.ends(0); // it is told anew
    if (state.name === "ended" && state.reason.code === "logged-out") this.entry.forget();
    // Who has come by a link has no token to give.
    if (state.name === "login" && this.entry.byLink) return this.connection.end({ code: "no-share", args: [] });
    this.render();
  }

  private receive(message: ServerMessage): void {
    switch (message.type) {
      case "hello":
        return this.welcomed(message);
      case "offer":
        return this.media.offer(message.sdp, message.generation, message.ice);
      case "candidate":
        return this.media.candidate(message.candidate, message.generation);
      case "cursor":
        return this.hands.pointing.look(message);
      case "size":
        this.screen.size = message;
        return;
      case "display":
        this.display = message;
        if (message.state === "up") {
          this.screen.wish(true);
          this.exchange.renewed();
        }
        return this.render();
      case "people":
        return this.access.told(message);
      case "shared":
        return this.access.made(message);
      case "control":
        this.assume(message);
        // Who takes the lead by what they hold goes on with it; the server lets go where control is given.
        if (this.leading !== message.you && (!message.you || message.given)) this.hands.release();
        if (message.you && !this.leading) {
          this.leading = true; // the desktop's size is ours now
          this.screen.wish(true);
        }
        this.leading = message.you;
        return this.render();
      case "keyboard":
        return this.hands.typing.mode.inForce(message);
      case "encoding":
        this.encoding = message.encoding;
        return this.render();
      case "doctor":
        return this.face?.examined(message.findings);
      case "processes":
        return this.keep(message.processes);
      case "gpus":
        this.gpus = message.gpus;
        return;
      case "idle":
        return void this.furnished.then(() => this.face?.ends(message.left));
      case "clipboard":
      case "transfer":
        return this.exchange.receive(message);
      case "input":
        return this.hands.acknowledge(message.seq);
      case "reason":
        return this.tell(message);
    }
  }

  /** How the processes are that keep the desktop running. */
  private keep(processes: Process[]): void {
    this.processes = processes;
    for (const process of lackingOf(processes)) {
      if (this.lacking.has(process.name)) continue;
      this.lacking.add(process.name);
      void this.furnished.then(() => this.face?.lacks(process));
    }
    this.render();
  }

  private welcomed(hello: HelloMessage): void {
    if (staleVersion(hello.version, this.version, () => sessionStorage)) {
      location.reload();
      return;
    }
    this.hello = hello;
    this.access.reset();
    this.display = hello.display;
    this.processes = [];
    this.leading = hello.role !== "viewer";
    this.encoding = null;
    this.pictured = false;
    if (hello.width > 0) this.screen.size = hello;
    this.hands.welcome(hello.seq);
    this.media.begin();
    if (this.store.value.bitrate || this.store.value.maxFPS) this.limit();
    if (this.store.value.stats) this.askForGPUs();
    this.hands.resume();
    this.media.hide(document.hidden);
    this.screen.wish(true);
    if (document.hidden) this.connection.send({ type: "visibility", hidden: true });
    this.exchange.welcome(hello);
    void this.furnished.then(() => this.face?.ends(0)); // it is told anew
    this.render();
  }

  /** What the person may do is as this says from now on. */
  private assume(control: Control): void {
    const { hello } = this;
    if (!hello) return;
    const could = hello.role !== "viewer";
    const can = control.role !== "viewer";
    if (could && !can) this.hands.release();
    this.hello = { ...hello, role: control.role, allow: control.allow, refuse: control.refuse };
    this.access.controlled(control);
    if (could === can) return;
    this.hands.typing.mode.update();
    if (can) this.exchange.renewed();
    void this.furnished.then(() => this.face?.handed(can));
  }

  /** The paths of the picture have changed: input goes by the one that is seen. */
  private rerouted(): void {
    const socket = this.connection.channel;
    if (!socket) return;
    const channels = this.media.input;
    this.hands.use(channels?.keys ?? socket, channels?.motion ?? socket);
    this.render();
  }

  private async poll(): Promise<void> {
    if (this.connection.state.name === "waiting") this.render();
    if (document.hidden || !this.connection.channel) return;
    await this.media.poll();
    this.measure();
    this.render();
  }

  private measure(): void {
    this.face?.measure(this.stats());
  }

  private render(): void {
    this.pictured ||= this.media.pictured;
    const { name } = this.connection.state;
    if (!this.hands.live && name !== "resuming") this.hands.pointing.lock.leave();
    const coming = (name === "connecting" || name === "open") && (this.display?.state ?? "up") === "up";
    if (this.pictured || !coming) this.unveil();
    // While the page comes back, the last picture stays behind the card; who has been sent out is not to see it.
    const over = name === "login" || name === "ended";
    const root = document.documentElement;
    const shown = this.pictured || (root.hasAttribute("data-pictured") && !over);
    root.toggleAttribute("data-pictured", shown && !sentOut(this.connection.state));
    this.face?.show({
      now: pageClock.now(),
      link: this.connection.state,
      display: this.display,
      processes: this.processes,
      media: this.media.state,
      shown: this.media.shown,
      path: this.media.path,
      why: this.media.why,
      pictured: this.pictured,
      offer: {
        allow: this.hello?.allow ?? [],
        watching: this.hello?.role === "viewer",
        primary: this.hello?.primary ?? false,
        encodes: this.hello?.codecs ?? null,
        decodes: this.media.decodable,
        encoding: this.encoding,
        keyboard: this.hands.typing.mode,
      },
      watching: this.hello?.role === "viewer",
      leading: this.leading,
      control: this.access.control,
    });
    this.hands.look();
  }
}
