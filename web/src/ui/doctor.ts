/** The panel of what the desktop lacks, for its owner: what the server has found, and what to change. */

import type { Words } from "../i18n.ts";
import type { Finding } from "../protocol.ts";
import { copyOf, Dialog, write } from "./dialog.ts";
import { element } from "./dom.ts";

export interface DoctorActions {
  /** Asks the server; false when there is no connection. */
  ask(): boolean;
  copy(text: string): Promise<boolean>;
  closed(): void;
}

/** The states, what is to be looked at first. */
const states = ["fail", "warn", "ok", "skip"] as const;

/** What was found, in the person's language. */
export interface Worded {
  check: string;
  state: (typeof states)[number];
  found: string;
  /** What to change, by whom. */
  advice: { who: string; what: string }[];
}

/** Words a finding: by its code, as the server has it where the page does not know that. */
export function wordsOf(words: Words, { check, state, code, args, found, user, admin }: Finding): Worded {
  const key = `doctor.${code}`;
  const name = `doctor.check.${check}`;
  const known = words.knows(key);
  const say = (part: string, fallback: string) => {
    const whole = `${key}${part}`;
    return known ? (words.knows(whole) ? words.say(whole, ...args) : "") : fallback;
  };
  // Of the GPU the page says the same in its statistics.
  const gpu = !known && words.knows(`code.${code}`) ? words.reason({ code, args }) : null;
  const advice = [
    { who: words.say("doctor.ui.you"), what: say(".you", user) },
    { who: words.say("doctor.ui.admin"), what: gpu ? admin && gpu.remedy : say(".admin", admin) },
  ];
  return {
    check: words.knows(name) ? words.say(name) : check,
    state,
    found: gpu?.what ?? say("", found),
    advice: advice.filter(({ what }) => what !== ""),
  };
}

/** What was found, in the order in which it is to be looked at. */
export function sorted(words: Words, findings: readonly Finding[]): Worded[] {
  const worded = findings.map((finding) => wordsOf(words, finding));
  return worded.sort((a, b) => states.indexOf(a.state) - states.indexOf(b.state));
}

/** What was found as text, to be sent to somebody. */
export function textOf(words: Words, findings: readonly Worded[]): string {
  const lines = findings.flatMap(({ check, state, found, advice }) => [
    `${check} (${words.say(`doctor.ui.state.${state}`)}): ${found}`,
    ...advice.map(({ who, what }) => `    ${who}: ${what}`),
  ]);
  return `${lines.join("\n")}\n`;
}

function makeParts(words: Words) {
  return {
    said: element("p", { class: "said", role: "status" }),
    list: element("ul", { class: "findings" }),
    text: element("textarea", { readonly: "", rows: "8", spellcheck: "false", hidden: "", "aria-label": words.say("doctor.ui.text") }),
    again: element("button", { type: "button", class: "primary" }, words.say("doctor.ui.again")),
    copy: element("button", { type: "button", disabled: "" }, words.say("doctor.ui.copy")),
    note: element("span", { class: "note", role: "status" }),
  };
}

export class DoctorPanel extends Dialog {
  private readonly parts: ReturnType<typeof makeParts>;
  private found: Worded[] = [];

  constructor(
    private readonly words: Words,
    private readonly actions: DoctorActions,
  ) {
    const parts = makeParts(words);
    const { said, list, text, again, copy, note } = parts;
    const footer = element("footer", {}, again, copy, note);
    super(words, words.say("doctor.ui.title"), "doctor", actions.closed, element("p", {}, words.say("doctor.ui.do")), said, footer, text, list);
    this.parts = parts;
    again.addEventListener("click", () => this.ask());
    copy.addEventListener("click", () => void this.copy());
  }

  /** Opens, and asks. */
  override show(): void {
    super.show();
    this.ask();
  }

  /** What the server has found. */
  told(findings: readonly Finding[]): void {
    const { words, parts } = this;
    this.found = sorted(words, findings);
    const unwell = this.found.filter(({ state }) => state === "fail" || state === "warn").length;
    write(parts.said, unwell ? words.say("doctor.ui.unwell", words.number(unwell)) : words.say("doctor.ui.well"));
    parts.list.replaceChildren(...this.found.map((finding) => row(words, finding)));
    parts.list.removeAttribute("aria-busy");
    parts.copy.disabled = false;
  }

  private ask(): void {
    const { words, parts, actions } = this;
    const asked = actions.ask();
    write(parts.said, words.say(asked ? "doctor.ui.running" : "state.unconnected"));
    if (asked) parts.list.setAttribute("aria-busy", "true");
    write(parts.note, "");
    parts.text.hidden = true;
  }

  private async copy(): Promise<void> {
    const { words, parts, actions } = this;
    parts.text.value = textOf(words, this.found);
    parts.text.hidden = true;
    const copied = await copyOf(parts.text, actions.copy);
    write(parts.note, words.say(copied ? "doctor.ui.copied" : "doctor.ui.uncopied"));
  }
}

function row(words: Words, { check, state, found, advice }: Worded): HTMLElement {
  return element(
    "li",
    { "data-state": state },
    element("strong", {}, check),
    element("small", {}, words.say(`doctor.ui.state.${state}`)),
    element("p", {}, found),
    ...advice.map(({ who, what }) => element("p", { class: "advice" }, element("b", {}, who), ` ${what}`)),
  );
}
