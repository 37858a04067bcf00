/** The rungs one below the other: what each is found to be, and what to change. */

import { element } from "../src/ui/dom.ts";
import type { Finding, Rung, State } from "./finding.ts";
import type { CheckWords } from "./words.ts";

/** Of several findings the first in this order is the rung's: one TURN server that works is enough. */
const ORDER: State[] = ["ok", "fail", "warn", "skip"];

const MARKS: Record<State | "busy" | "", string> = { ok: "✓", warn: "!", fail: "✕", skip: "–", busy: "…", "": "" };

export class List {
  readonly root = element("ol", { class: "rungs" });
  private items = new Map<Rung, HTMLElement>();
  private readonly spoken = element("p", { class: "spoken", role: "log" });

  constructor(private readonly words: CheckWords) {}

  /** Shows rungs that nothing is known of. */
  begin(rungs: readonly Rung[]): void {
    this.items = new Map(rungs.map((rung) => [rung, element("li", { "data-rung": rung })]));
    for (const rung of rungs) this.fill(rung, "", []);
    this.root.replaceChildren(...this.items.values());
    this.spoken.replaceChildren();
    this.root.after(this.spoken);
  }

  busy(rung: Rung): void {
    this.fill(rung, "busy", []);
  }

  show(rung: Rung, findings: readonly Finding[]): void {
    const state = ORDER.find((state) => findings.some((finding) => finding.state === state)) ?? "skip";
    this.fill(rung, state, findings);
    const { words } = this;
    this.spoken.append(element("span", {}, `${words.rung(rung)}: ${findings.map((finding) => words.found(finding)).join(" ")} `));
  }

  private fill(rung: Rung, state: State | "busy" | "", findings: readonly Finding[]): void {
    const { words } = this;
    const item = this.items.get(rung);
    if (!item) return;
    item.dataset.state = state;
    const label = state ? words.tell(`state.${state}`) : "";
    const mark = element("span", { class: "mark", title: label, ...(label ? { role: "img", "aria-label": label } : {}) }, MARKS[state]);
    item.replaceChildren(mark, element("h2", {}, words.rung(rung)), ...findings.flatMap((finding) => this.word(finding)));
  }

  private word(finding: Finding): HTMLElement[] {
    const { words } = this;
    const said: HTMLElement[] = [element("p", {}, words.found(finding))];
    if (finding.detail) said.push(element("p", { class: "detail" }, finding.detail));
    const remedies = words.remedies(finding);
    if (remedies.length > 0) {
      const list = remedies.flatMap(({ who, what }) => [element("dt", {}, who), element("dd", {}, what)]);
      said.push(element("dl", {}, ...list));
    }
    return said;
  }
}
