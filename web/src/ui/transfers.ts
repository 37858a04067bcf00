/** What of clipboards is on its way, where it takes long enough to be shown. */

import type { Way } from "../clipboard/exchange.ts";
import type { Progress } from "../clipboard/sender.ts";
import type { Clock } from "../clock.ts";
import type { Words } from "../i18n.ts";
import { element } from "./dom.ts";

/** What is larger, in bytes, is shown at once, the rest after a while, in ms. */
const LARGE = 1 << 20;
const LONG = 1000;

interface Row {
  since: number;
  root: HTMLElement;
  bar: HTMLProgressElement;
}

export class Transfers {
  readonly root = element("div", { class: "transfers", "data-ui": "" });
  private readonly rows = new Map<Way, Row>();

  /** cancel: the person does not want what is on its way. */
  constructor(
    private readonly words: Words,
    private readonly clock: Clock,
    private readonly cancel: (way: Way) => void,
  ) {}

  /** How far what goes one way has got. */
  show(way: Way, progress: Progress): void {
    const row = this.rows.get(way);
    if (!progress) {
      row?.root.remove();
      this.rows.delete(way);
      return;
    }
    const now = this.clock.now();
    const { since, root, bar } = row ?? this.add(way, now);
    bar.max = progress.total;
    bar.value = progress.done;
    root.hidden = progress.total <= LARGE && now - since < LONG;
  }

  private add(way: Way, since: number): Row {
    const { words } = this;
    const label = words.say(way === "in" ? "clipboard.sending" : "clipboard.receiving");
    const bar = element("progress", { "aria-label": label });
    const cancel = element("button", { type: "button" }, words.say("clipboard.cancel"));
    cancel.addEventListener("click", () => this.cancel(way));
    const row = { since, bar, root: element("div", { class: "toast", hidden: "" }, element("strong", {}, label), bar, cancel) };
    this.rows.set(way, row);
    this.root.append(row.root);
    return row;
  }
}
