/** The statistics in a corner: the connection in numbers, and each stage of a frame's way as a bar. */

import { labelOf } from "../codec.ts";
import type { Key, Words } from "../i18n.ts";
import { stages, type Stats } from "../stats.ts";
import { element } from "./dom.ts";
import { gpuWords, limitWords, useWords } from "./encoding.ts";

const rows = ["video", "encoder", "gpu", "gpus", "limits", "path", "rate", "bitrate", "roundtrip", "losses"] as const;
type Row = (typeof rows)[number];

/** The rows that are there only while there is something to say. */
const optional: Row[] = ["gpu", "gpus", "limits"];

export class Overlay {
  readonly root: HTMLElement;
  private readonly values = new Map<Row, HTMLElement>();
  private readonly bars = new Map<string, { bar: HTMLElement; value: HTMLElement }>();
  private readonly strip = element("div", { class: "strip", "aria-hidden": "true" });
  private readonly idle: HTMLElement;

  constructor(private readonly words: Words) {
    const facts = element("dl", { class: "facts" });
    for (const row of rows) {
      const value = element("dd");
      this.values.set(row, value);
      facts.append(element("dt", {}, words.say(`stats.${row}` as Key)), value);
    }
    const times = element("dl", { class: "times" });
    for (const stage of [...stages, "total"] as const) {
      const value = element("dd");
      const swatch = element("i", { class: `stage ${stage}` });
      times.append(element("dt", {}, swatch, words.say(`stats.${stage}`)), value);
      const bar = element("div", { class: `stage ${stage}` });
      if (stage !== "total") this.strip.append(bar);
      this.bars.set(stage, { bar, value });
    }
    for (const row of optional) this.put(row, "");
    this.idle = element("p", { class: "idle" }, words.say("stats.idle"));
    this.root = element(
      "aside",
      { class: "overlay", "data-ui": "", "aria-label": words.say("stats.title"), hidden: "" },
      facts,
      element("h3", {}, words.say("stats.from")),
      this.strip,
      times,
      this.idle,
    );
  }

  get open(): boolean {
    return !this.root.hidden;
  }

  set open(open: boolean) {
    this.root.hidden = !open;
  }

  /** Shows the numbers; path in words. */
  show(stats: Stats, path: string): void {
    const { words } = this;
    const ms = (value: number | null) =>
      value === null ? "–" : words.say("stats.ms", words.number(value, Math.abs(value) < 10 ? 1 : 0));
    const size = `${stats.width} × ${stats.height}`;
    this.put("video", stats.width ? `${labelOf(stats.codec) || "–"} · ${size}` : "–");
    const { encoding } = stats;
    this.put("encoder", encoding?.encoder || "–");
    this.put("gpu", encoding ? gpuWords(words, encoding) : "");
    this.put("gpus", stats.gpus.map((gpu) => useWords(words, gpu)).join("\n"));
    this.put("limits", encoding ? limitWords(words, encoding) : "");
    this.put("path", path);
    this.put("rate", words.say("stats.rate.value", words.number(stats.framesPerSecond)));
    this.put("bitrate", words.say("stats.bitrate.value", words.number(stats.bitrate / 1e6, 2)));
    this.put("roundtrip", ms(stats.roundTrip));
    this.put(
      "losses",
      words.say("stats.losses.value", words.number(stats.packetsLost), words.number(stats.framesDropped)),
    );
    this.idle.hidden = stats.samples > 0;
    for (const [stage, { bar, value }] of this.bars) {
      const time = stats.stages[stage as keyof Stats["stages"]];
      value.textContent = ms(time);
      bar.style.flexGrow = String(Math.max(0, time ?? 0));
    }
  }

  private put(row: Row, text: string): void {
    const value = this.values.get(row);
    if (value) value.textContent = text;
    if (optional.includes(row)) for (const part of [value, value?.previousElementSibling]) part?.toggleAttribute("hidden", text === "");
  }
}
