/** The panel of who is here: control is handed over there, and links for others are made. */

import type { Access } from "../access.ts";
import { linkOf } from "../http.ts";
import type { Key, Words } from "../i18n.ts";
import type { Feature, Person, Shared, SharedLink, ShareRole } from "../protocol.ts";
import { copyOf, Dialog, write } from "./dialog.ts";
import { element } from "./dom.ts";
import { note as say } from "./refusal.ts";

export interface PeopleActions {
  copy(text: string): Promise<boolean>;
  /** Why the rules of the desktop forbid features; "": they do not. */
  refused(...features: Feature[]): string;
  closed(): void;
}

/** How long a link may last, in minutes. */
const lives = [15, 60, 480, 1440, 10_080, 43_200] as const;
const roles: readonly ShareRole[] = ["viewer", "controller"];
/** A link lasts as long as this where nothing else is chosen, in minutes. */
const LIFE = 60;
const NAME = 64;

export class PeoplePanel extends Dialog {
  private readonly list: HTMLElement;
  private readonly take: HTMLButtonElement;
  private readonly sharing: HTMLElement;
  private readonly links: HTMLElement;
  private readonly result: HTMLElement;
  private readonly link: HTMLInputElement;
  private readonly note: HTMLElement;
  private readonly rule = element("p", { class: "note", hidden: "" });
  private shown = "";

  constructor(
    private readonly words: Words,
    private readonly access: Access,
    private readonly actions: PeopleActions,
  ) {
    const list = element("ul", { class: "people" });
    const take = element("button", { type: "button", "data-act": "take" }, words.say("people.take"));
    const links = element("ul", { class: "links" });
    const link = element("input", { type: "text", readonly: "", class: "link", "aria-label": words.say("share.link") });
    const copy = element("button", { type: "button", "data-act": "copy" }, words.say("clipboard.copy"));
    const note = element("span", { class: "note", role: "status" });
    const result = element("div", { class: "made", hidden: "" }, link, copy, note);
    const sharing = element("fieldset", { class: "sharing" }, element("legend", {}, words.say("share.title")));
    super(words, words.say("people.title"), "people", actions.closed, list, take, sharing);
    this.root.append(this.rule);
    sharing.append(element("p", {}, words.say("share.do")), form(words, access), result, links);
    take.addEventListener("click", () => access.take());
    copy.addEventListener("click", () => void this.copy());
    this.list = list;
    this.take = take;
    this.sharing = sharing;
    this.links = links;
    this.result = result;
    this.link = link;
    this.note = note;
  }

  /** Shows who is here, and by which links others may come. */
  update(): void {
    const { access } = this;
    const { people, shares } = access.people;
    const { given } = access;
    const may = access.may("share");
    const rule = this.actions.refused("share");
    const shown = JSON.stringify([people, shares, given, may, rule]);
    if (shown === this.shown) return;
    this.shown = shown;
    const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.act : undefined;
    const led = people.some(({ you, leads }) => you && leads);
    this.list.replaceChildren(...people.map((person) => this.person(person, given)));
    this.take.hidden = led && !given;
    this.sharing.hidden = !may;
    say(this.rule, rule);
    this.links.replaceChildren(...shares.map((share) => this.shared(share)));
    // The button that had the focus may be another one now.
    if (focused && this.open) (this.root.querySelector<HTMLElement>(`[data-act="${focused}"]`) ?? this.root).focus();
  }

  /** The link that was asked for. */
  made({ secret, name, open }: Shared): void {
    this.result.hidden = false;
    this.link.value = linkOf(secret);
    const { words } = this;
    const told = words.say(name ? "share.made.for" : "share.made", name);
    write(this.note, open ? `${told} ${words.say("share.open")}` : told);
    this.link.focus();
    this.link.select();
  }

  override close(): void {
    this.result.hidden = true;
    this.link.value = ""; // it is shown once
    super.close();
  }

  private person(person: Person, given: boolean): HTMLElement {
    const { words, access } = this;
    const { id, role, lent, you, leads, path, since, asked } = person;
    const facts = [words.say(lent ? "people.lent" : `people.role.${role}`)];
    if (leads) facts.push(words.say(given ? "people.given" : "people.leads"));
    if (path === "ws" || path === "webrtc" || path === "vnc") facts.push(words.say(`people.path.${path}`));
    facts.push(words.say("people.since", when(words, since)));
    if (asked) facts.push(words.say("people.asks"));
    const name = nameOf(words, person);
    const row = element("li", { "data-viewer": id }, element("strong", {}, name), element("small", {}, facts.join(" · ")));
    if (!you && !(leads && given)) {
      const give = element("button", { type: "button", "data-act": `give ${id}` }, words.say("people.give"));
      give.setAttribute("aria-label", words.say("people.give.to", name));
      give.addEventListener("click", () => access.give(id));
      row.append(give);
    }
    return row;
  }

  private shared({ share, name, role, until }: SharedLink): HTMLElement {
    const { words, access } = this;
    const title = name || words.say("share.unnamed");
    const end = element("button", { type: "button", "data-act": `revoke ${share}` }, words.say("share.revoke"));
    end.setAttribute("aria-label", words.say("share.revoke.of", title));
    end.addEventListener("click", () => access.revoke(share));
    const facts = [words.say(`people.role.${role}`), words.say("share.until", when(words, until))];
    return element(
      "li",
      { "data-share": share },
      element("strong", {}, title),
      element("small", {}, facts.join(" · ")),
      end,
    );
  }

  private async copy(): Promise<void> {
    const copied = await copyOf(this.link, this.actions.copy);
    write(this.note, this.words.say(copied ? "clipboard.copied" : "share.refused"));
  }
}

/** Asks for a link. */
function form(words: Words, access: Access): HTMLElement {
  const name = element("input", { type: "text", id: "share-name", maxlength: String(NAME), autocomplete: "off" });
  const role = choice("share-role", roles.map((role) => [role, words.say(`share.role.${role}`)]));
  const life = choice("share-life", lives.map((minutes) => [String(minutes), words.say(`share.life.${minutes}`)]));
  life.value = String(LIFE);
  const make = element("button", { type: "submit", class: "primary" }, words.say("share.make"));
  const asks = element(
    "form",
    {},
    field(words, "share.name", name),
    field(words, "share.role", role),
    field(words, "share.life", life),
    element("footer", {}, make),
  );
  asks.addEventListener("submit", (event) => {
    event.preventDefault();
    const chosen = roles.find((known) => known === role.value) ?? "viewer";
    access.share(chosen, Number(life.value), name.value.trim());
  });
  return asks;
}

/** What somebody is called: by the link, else by the role. */
export function nameOf(words: Words, { you, name, role, lent }: Pick<Person, "you" | "name" | "role" | "lent">): string {
  if (you) return words.say("people.you");
  return name || words.say(`people.some.${lent ? "viewer" : role}`);
}

/** A time in Unix milliseconds, in words: without its day where that is today's. */
function when(words: Words, ms: number): string {
  const date = new Date(ms);
  const today = date.toDateString() === new Date().toDateString();
  return date.toLocaleString(words.language, today ? { timeStyle: "short" } : { dateStyle: "medium", timeStyle: "short" });
}

function choice(id: string, options: readonly (readonly [string, string])[]): HTMLSelectElement {
  return element("select", { id }, ...options.map(([value, text]) => element("option", { value }, text)));
}

function field(words: Words, label: Key, control: HTMLElement): HTMLElement {
  return element("div", { class: "field" }, element("label", { for: control.id }, words.say(label)), control);
}
