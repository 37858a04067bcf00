/** Everything around the picture, and what it says in each state. */

import type { Access } from "../access.ts";
import { plain, type Content } from "../clipboard/content.ts";
import type { Way } from "../clipboard/exchange.ts";
import { pageClock } from "../clock.ts";
import type { Event } from "../company.ts";
import type { Files } from "../files.ts";
import { canFill, fills, toggleFullscreen } from "../fullscreen.ts";
import type { Login } from "../http.ts";
import type { Words } from "../i18n.ts";
import type { Feature, Finding, Person, Process, Reason, Shared } from "../protocol.ts";
import type { Settings, SettingsStore } from "../settings.ts";
import type { Stats } from "../stats.ts";
import type { Upload } from "../upload.ts";
import { Card } from "./card.ts";
import { write } from "./dialog.ts";
import { DoctorPanel } from "./doctor.ts";
import { element } from "./dom.ts";
import { readable, withholds } from "./encoding.ts";
import { FilesPanel } from "./files.ts";
import { IdleBanner } from "./idle.ts";
import { KeysPanel, type KeysActions } from "./keys.ts";
import type { LoginActions } from "./login.ts";
import { Overlay } from "./overlay.ts";
import { ClipboardPanel, type PanelActions } from "./panel.ts";
import { nameOf, PeoplePanel } from "./people.ts";
import { refusalWords } from "./refusal.ts";
import { RoutePanel } from "./route.ts";
import { SettingsPanel, type Leaving } from "./settings.ts";
import { Scrollbars, type Scrolled } from "./scrollbars.ts";
import { barOf, pathWords, routeOf, stateOf, viewOf, type Situation } from "./situation.ts";
import { processName } from "./starting.ts";
import { Toasts } from "./toast.ts";
import { Toolbar, type Tool } from "./toolbar.ts";
import { Transfers } from "./transfers.ts";

export interface FaceActions extends LoginActions, Leaving {
  /** The clipboards of the person and the desktop. */
  clipboard: Omit<PanelActions, "closed" | "refused">;
  /** The person does not want a clipboard that is on its way. */
  cancel(way: Way): void;
  reconnect(): void;
  /** The on-screen keyboard, on or off. */
  type(): void;
  /** Presses keys, or holds them for the next one. */
  keys: KeysActions;
  /** Who is here, and who has control. */
  access: Access;
  files: Files;
  /** The desktop is to count as in use for so many minutes more, 0 for being used now. */
  awake(minutes: number): void;
  /** Whether the person is the desktop's owner. */
  owns(): boolean;
  /** Has the server look at what the desktop lacks; false when there is no connection. */
  examine(): boolean;
  /** The focus goes back to the desktop. */
  leave(): void;
  /** Whether the desktop gets Escape also in full screen. */
  escapes(): boolean;
  /** Which part is seen of a desktop that is larger than the tab. */
  panning(): Scrolled;
  /** Whether the mouse can be locked now. */
  lockable(): boolean;
  /** Locks the mouse, or frees it. */
  lock(): void;
  /** The statistics are to be shown at once. */
  refresh(): void;
}

/** What the toolbar opens. */
interface Panel {
  readonly root: HTMLElement;
  readonly open: boolean;
  close(): void;
}

export class Face {
  readonly toolbar: Toolbar;
  /** What is said of the keys to those who hear the page. */
  private readonly keys: { root: HTMLElement };
  /** The state of the connection, for the same; the toolbar is mute while it is out of the way. */
  private readonly speech = { root: element("p", { class: "unseen", role: "status" }) };
  private readonly card: Card;
  private readonly panel: ClipboardPanel;
  private readonly overlay: Overlay;
  readonly transfers: Transfers;
  private readonly special: KeysPanel;
  private readonly people: PeoplePanel;
  private readonly files: FilesPanel;
  private readonly idle: IdleBanner;
  private readonly drop = { root: element("p", { class: "drop", hidden: "" }) };
  private readonly route: RoutePanel;
  private readonly doctor: DoctorPanel;
  private readonly settings: SettingsPanel;
  private readonly panels: readonly Panel[];
  private readonly scrollbars: Scrollbars;
  private readonly toasts = new Toasts();
  private welcomed = false;
  private repairing = false;
  /** Why no picture comes, as far as the server has told. */
  private obstacle: Reason | null = null;

  constructor(
    private readonly words: Words,
    private readonly store: SettingsStore,
    private readonly actions: FaceActions,
  ) {
    document.documentElement.lang = words.language;
    this.keys = { root: element("p", { id: "keys", hidden: "" }, words.say("app.keys")) };
    this.card = new Card(words, actions);
    this.overlay = new Overlay(words);
    this.overlay.open = store.value.stats;
    const closed = () => {
      this.mark();
      actions.leave();
    };
    this.panel = new ClipboardPanel(words, { ...actions.clipboard, refused: this.refused, closed });
    this.transfers = new Transfers(words, pageClock, actions.cancel);
    this.special = new KeysPanel(words, actions.keys, closed);
    this.doctor = new DoctorPanel(words, { ask: actions.examine, copy: (text) => actions.clipboard.copy(plain(text)), closed });
    this.route = new RoutePanel(words, closed, this.opens(this.doctor, () => this.doctor.show()).act);
    this.settings = new SettingsPanel(words, store, actions, closed);
    this.people = new PeoplePanel(words, actions.access, { copy: (text) => actions.clipboard.copy(plain(text)), refused: this.refused, closed });
    this.files = new FilesPanel(words, { files: actions.files, may: (feature) => actions.access.may(feature), refused: this.refused, closed });
    this.idle = new IdleBanner(words, pageClock, actions.awake);
    this.panels = [this.panel, this.special, this.files, this.people, this.route, this.doctor, this.settings];
    this.scrollbars = new Scrollbars(words, actions.panning(), actions.leave);
    this.toolbar = new Toolbar(words, this.tools(), actions.leave);
    document.body.append(...this.parts().map(({ root }) => root));
  }

  /** All there is, in the order in which the focus goes through it. */
  private parts(): { readonly root: HTMLElement }[] {
    return [this.keys, this.speech, this.overlay, this.card, this.toolbar, ...this.panels, this.transfers, this.scrollbars, this.drop, this.idle, this.toasts];
  }

  /** Opens the settings, at one of them. */
  openSettings(name: keyof Settings): void {
    this.settings.show();
    this.settings.point(name);
    this.mark();
  }

  /** Goes from the page, for another in other words. */
  remove(): void {
    for (const { root } of this.parts()) root.remove();
    this.toolbar.close();
    this.idle.close();
  }

  /** The buttons of the bar, from left to right. */
  private tools(): Tool[] {
    const { panel, special, files, people, route, settings, overlay, actions, store } = this;
    const { access } = actions;
    return [
      {
        id: "fullscreen",
        icon: () => (fills() ? "window" : "fullscreen"),
        label: () => (fills() ? "toolbar.window" : "toolbar.fullscreen"),
        hidden: () => !canFill(),
        act: () => void this.fill(),
      },
      { id: "clipboard", icon: "clipboard", label: "toolbar.clipboard", ...this.opens(panel, () => panel.show()) },
      this.unless("keyboard", { id: "keys", icon: "keys", label: "toolbar.keys", ...this.opens(special, () => special.show()) }),
      this.unless("keyboard", { id: "type", icon: "keyboard", label: "toolbar.keyboard", touch: true, act: actions.type }),
      this.unless("pointer", { id: "lock", icon: "mouse", label: "toolbar.lock", hidden: () => !actions.lockable(), act: () => this.lock() }),
      {
        id: "files",
        icon: "files",
        label: "toolbar.files",
        hidden: () => !access.may("upload") && !access.may("download") && this.refused("upload", "download") === "",
        ...this.opens(files, () => files.show()),
      },
      this.unless("give", {
        id: "people",
        icon: "people",
        label: "toolbar.people",
        hidden: () => !access.may("give") && this.refused("give") === "",
        ...this.opens(people, () => people.show()),
      }),
      { id: "ask", icon: "hand", label: "toolbar.ask", hidden: () => !access.asks, act: () => this.ask() },
      {
        id: "stats",
        icon: "stats",
        label: "toolbar.stats",
        pressed: () => overlay.open,
        act: () => store.set({ stats: !store.value.stats }),
      },
      { id: "route", icon: "route", label: "toolbar.route", ...this.opens(route, () => route.show()) },
      { id: "settings", icon: "settings", label: "toolbar.settings", ...this.opens(settings, () => settings.show()) },
      { id: "reconnect", icon: "reconnect", label: "toolbar.reconnect", act: actions.reconnect },
    ];
  }

  /** Why the rules of the desktop forbid features to the person's role; "": they do not. */
  private readonly refused = (...features: Feature[]): string =>
    refusalWords(this.words, (feature) => this.actions.access.refusal(feature), features);

  /** A button that says why it is of no use where the rules forbid its feature. */
  private unless(feature: Feature, tool: Tool): Tool {
    const act = () => {
      const why = this.refused(feature);
      if (why) this.toasts.say(why);
      else tool.act();
    };
    return { ...tool, refused: () => this.refused(feature), act };
  }

  /** What a button does that opens a panel. There is room for one panel. */
  private opens(panel: Panel, show: () => void): Pick<Tool, "pressed" | "act"> {
    const act = () => {
      const { open } = panel;
      for (const other of this.panels) other.close();
      if (!open) show();
      this.mark();
    };
    return { pressed: () => panel.open, act };
  }

  /** Says in the sign-in form how an attempt has ended. */
  refuse(result: Login): void {
    this.card.refuse(result);
  }

  /** Says in the sign-in form why nobody is let in. */
  deny(code: string): void {
    this.card.deny(this.words.reason({ code, args: [] }).what);
  }

  /** A process has failed that the desktop gets on without. */
  lacks({ name, error }: Process): void {
    this.tell({ code: "process-failed", args: [processName(this.words, name), error] });
  }

  /** Says what has happened and what to do. */
  tell(reason: Reason): void {
    const told = readable(reason);
    if (withholds(told)) this.obstacle = told;
    const { what, remedy } = this.words.reason(told);
    if (what) this.toasts.say(what, remedy);
  }

  /** The modifiers that are held for the next key have changed. */
  latched(): void {
    this.special.update();
  }

  /** A program seems to want the mouse locked. */
  offerLock(): void {
    const { words } = this;
    this.toasts.say(words.say("lock.wanted"), "", { label: words.say("lock.enter"), act: () => this.lock() });
  }

  /** Puts the page on the whole screen, or back, and says how the desktop gets an Escape there. */
  private async fill(): Promise<void> {
    const { words, toasts, actions } = this;
    if (!(await toggleFullscreen(this.store.value.lock))) return this.tell({ code: "fullscreen-refused", args: [] });
    actions.leave();
    if (fills() && !actions.escapes()) toasts.say(words.say("fullscreen.escape"), words.say("fullscreen.escape.do"));
  }

  /** The desktop lies elsewhere in the tab. */
  scrolled(): void {
    this.scrollbars.update();
  }

  /** Something about an upload has changed. The panel comes with the first one, and for one that fails. */
  uploading(upload: Upload): void {
    this.files.changed(upload);
    if (this.files.open || (upload.state !== "waiting" && upload.state !== "failed")) return;
    for (const other of this.panels) other.close();
    this.files.show();
    this.mark();
  }

  /** The desktop will be stopped in so many milliseconds; 0: it will not. */
  ends(left: number): void {
    this.idle.show(left);
  }

  /** What the server has found that the desktop lacks. */
  examined(findings: readonly Finding[]): void {
    this.doctor.told(findings);
  }

  /** Files hang over the page, or do not any more. */
  hang(hanging: boolean): void {
    if (hanging) write(this.drop.root, this.refused("upload") || this.words.say("files.drop"));
    this.drop.root.hidden = !hanging;
  }

  /** Of what was dropped there were folders, which cannot be sent. */
  folders(): void {
    this.toasts.say(this.words.say("files.directories"));
  }

  /** The person would like to have control. */
  private ask(): void {
    this.actions.leave();
    if (this.actions.access.ask()) this.toasts.say(this.words.say("people.asked.sent"));
  }

  /** Somebody comes, goes, or asks for control. */
  met(event: Event, person: Person): void {
    const { words, actions } = this;
    const give = { label: words.say("people.give"), act: () => actions.access.give(person.id) };
    this.toasts.say(words.say(`people.${event}`, nameOf(words, person)), "", event === "asked" ? give : undefined);
  }

  /** The person may act on the desktop now, or may not any more. */
  handed(got: boolean): void {
    this.toasts.say(this.words.say(got ? "people.got" : "people.lost"));
  }

  /** The link that the person has asked for. */
  made(link: Shared): void {
    this.people.made(link);
  }

  private lock(): void {
    this.actions.leave();
    this.actions.lock();
  }

  /** The shared clipboard is another; offered: the person has to fetch it. */
  clipboard(content: Content, offered: boolean): void {
    if (this.panel.open) this.panel.update(content);
    else if (offered) {
      this.toasts.say(this.words.say("clipboard.offered"), "", {
        label: this.words.say("clipboard.copy"),
        act: () => void this.fetch(content),
      });
    }
  }

  /** Shows the statistics, if they are wanted. */
  measure(stats: Stats): void {
    if (this.overlay.open) this.overlay.show(stats, stats.transport ? pathWords(this.words, stats.transport, stats.path) : "–");
  }

  /** Says how things are. */
  show(situation: Situation): void {
    const state = stateOf(situation);
    const { dataset } = document.documentElement;
    if (dataset.state !== state) dataset.state = state;
    this.repairing = state === "repairing";
    if (situation.pictured || situation.link.name !== "open") this.obstacle = null;
    const view = viewOf(this.words, situation, this.obstacle);
    const { text, tone } = barOf(this.words, situation);
    this.card.show(view);
    this.toolbar.say(text, tone);
    // Those who hear the page hear it once: from the card where there is one.
    write(this.speech.root, view ? "" : text);
    this.route.say(routeOf(this.words, situation));
    this.route.owned = this.actions.owns();
    this.settings.say(situation.offer);
    this.people.update();
    this.mark();
    if (state !== "connected" || this.welcomed) return;
    this.welcomed = true;
    this.toolbar.welcome();
  }

  private mark(): void {
    const { stats } = this.store.value;
    if (stats !== this.overlay.open) {
      this.overlay.open = stats;
      this.actions.refresh();
    }
    this.toolbar.update();
    this.toolbar.pin(this.repairing || this.panels.some(({ open }) => open));
  }

  private async fetch(content: Content): Promise<void> {
    if (await this.actions.clipboard.copy(content)) this.toasts.say(this.words.say("clipboard.copied"));
    else {
      this.panel.show();
      this.mark();
    }
  }
}
