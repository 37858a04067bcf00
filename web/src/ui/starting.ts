/** The processes that keep the desktop running: what is still starting, and what has failed, with the end of its log. */

import type { Words } from "../i18n.ts";
import { failing } from "../processes.ts";
import type { Process } from "../protocol.ts";
import { write } from "./dialog.ts";
import { element } from "./dom.ts";

/** What a process is called. */
export function processName(words: Words, name: string): string {
  const key = `process.${name}`;
  return words.knows(key) ? words.say(key) : name;
}

/** The list of the processes. It is not read out as it changes: what stands above it is. */
export class Starting {
  readonly root = element("ul", { class: "processes", "aria-live": "off", hidden: "" });
  private readonly rows = new Map<string, Row>();

  constructor(private readonly words: Words) {}

  show(processes: readonly Process[]): void {
    this.root.hidden = processes.length === 0;
    for (const [name, row] of this.rows) {
      if (processes.some((process) => process.name === name)) continue;
      row.root.remove();
      this.rows.delete(name);
    }
    for (const process of processes) {
      const row = this.rows.get(process.name) ?? this.add(process.name);
      row.show(process);
    }
  }

  private add(name: string): Row {
    const row = new Row(this.words, name);
    this.rows.set(name, row);
    this.root.append(row.root);
    return row;
  }
}

/** A process: its state, and its log to be opened. That of one that fails opens by itself. */
class Row {
  readonly root: HTMLElement;
  private readonly facts = element("small");
  private readonly error = element("p", { class: "error" });
  private readonly lines = element("pre");
  private readonly log: HTMLDetailsElement;
  private failing = false;

  constructor(
    private readonly words: Words,
    name: string,
  ) {
    const title = processName(words, name);
    const scrolled = element("div", { class: "lines", tabindex: "0", role: "region", "aria-label": words.say("process.log.of", title) }, this.lines);
    this.log = element("details", {}, element("summary", {}, words.say("process.log")), scrolled);
    const head = element("div", {}, element("strong", {}, title), this.facts);
    this.root = element("li", { "data-process": name }, element("i", { "aria-hidden": "true" }), head, this.error, this.log);
  }

  show(process: Process): void {
    const { words, root, log } = this;
    const { state, since, restarts, error } = process;
    const time = new Date(since).toLocaleTimeString(words.language);
    const facts = [words.say(`process.is.${state}`), words.say("process.since", time)];
    if (restarts > 0) facts.push(words.say("process.restarts", words.number(restarts)));
    root.dataset.state = state;
    write(this.facts, facts.join(" · "));
    const now = failing(process);
    write(this.error, now ? error : "");
    log.hidden = process.lines.length === 0;
    if (now && !this.failing) log.open = true;
    this.failing = now;
    write(this.lines, process.lines.join("\n"));
  }
}
