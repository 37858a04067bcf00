/** The panel of files: those on their way to the desktop, and those that can be fetched from it. */

import type { Entry, Files, Listing } from "../files.ts";
import type { Words } from "../i18n.ts";
import type { Feature } from "../protocol.ts";
import type { Upload, UploadError } from "../upload.ts";
import { Dialog, write } from "./dialog.ts";
import { element } from "./dom.ts";
import { note, refuse } from "./refusal.ts";

export interface FilesActions {
  files: Files;
  may(feature: Feature): boolean;
  /** Why the rules of the desktop forbid features; "": they do not. */
  refused(...features: Feature[]): string;
  closed(): void;
}

/** How an upload is shown. */
interface Row {
  root: HTMLElement;
  name: HTMLElement;
  state: HTMLElement;
  bar: HTMLProgressElement;
  cancel: HTMLButtonElement;
}

export class FilesPanel extends Dialog {
  private readonly choose: HTMLButtonElement;
  private readonly uploads = element("ul", { class: "files" });
  private readonly desktop: HTMLElement;
  private readonly rule = element("p", { class: "note", hidden: "" });
  private readonly place = element("h3");
  private readonly note = element("p", { class: "note", role: "status" });
  private readonly listed = element("ul", { class: "files" });
  private readonly rows = new Map<Upload, Row>();
  private dir = "";

  constructor(
    private readonly words: Words,
    private readonly actions: FilesActions,
  ) {
    const input = element("input", { type: "file", multiple: "", hidden: "" });
    const choose = element("button", { type: "button", class: "primary" }, words.say("files.choose"));
    const desktop = element("section");
    super(words, words.say("files.title"), "files", actions.closed, choose, input);
    this.choose = choose;
    this.desktop = desktop;
    desktop.append(this.place, this.note, this.listed);
    this.root.append(this.rule, this.uploads, desktop);
    choose.addEventListener("click", () => {
      if (actions.refused("upload") === "") input.click();
    });
    input.addEventListener("change", () => {
      actions.files.uploads.add([...(input.files ?? [])]);
      input.value = "";
    });
    for (const upload of actions.files.uploads.list) this.changed(upload);
  }

  override show(): void {
    const why = this.actions.refused("upload");
    this.choose.hidden = !this.actions.may("upload") && why === "";
    refuse(this.choose, why);
    note(this.rule, this.actions.refused("upload", "download"));
    this.desktop.hidden = !this.actions.may("download");
    super.show();
    if (!this.desktop.hidden) void this.go(this.dir);
  }

  protected override focus(): void {
    (this.choose.hidden ? this.root : this.choose).focus();
  }

  /** Something about an upload has changed. */
  changed(upload: Upload): void {
    const { words } = this;
    const row = this.rows.get(upload) ?? this.add(upload);
    const { size } = upload.file;
    const done = size === 0 ? 1 : upload.sent / size;
    const over = upload.state === "done" || upload.state === "failed" || upload.state === "cancelled";
    write(row.name, upload.name);
    write(row.state, stateWords(words, upload));
    row.bar.value = done;
    row.bar.hidden = over;
    row.cancel.hidden = over;
    row.root.dataset.state = upload.state;
    if (upload.state === "done" && this.open && !this.desktop.hidden) void this.go(this.dir);
  }

  private add(upload: Upload): Row {
    const { words, actions } = this;
    const name = element("strong", {}, upload.name);
    const state = element("small", { role: "status" });
    const bar = element("progress", { max: "1", value: "0", "aria-label": words.say("files.progress", upload.name) });
    const cancel = element("button", { type: "button" }, words.say("files.cancel"));
    cancel.setAttribute("aria-label", words.say("files.cancel.of", upload.name));
    cancel.addEventListener("click", () => {
      actions.files.uploads.cancel(upload);
      this.choose.focus(); // the button has gone
    });
    const row = { root: element("li", {}, name, state, bar, cancel), name, state, bar, cancel };
    this.rows.set(upload, row);
    this.uploads.prepend(row.root);
    return row;
  }

  /** Shows a directory of the desktop. */
  private async go(dir: string): Promise<void> {
    this.dir = dir;
    const listing = await this.actions.files.list(dir);
    if (dir !== this.dir) return; // another one has been chosen meanwhile
    const { words } = this;
    write(this.place, dir === "" ? words.say("files.desktop") : words.say("files.in", dir));
    if (typeof listing === "string") {
      write(this.note, words.say("files.unlisted"));
      return this.listed.replaceChildren();
    }
    write(this.note, noteOf(words, listing));
    const focused = this.listed.contains(document.activeElement);
    const up = dir === "" ? [] : [this.step(words.say("files.up"), dir.split("/").slice(0, -1).join("/"))];
    this.listed.replaceChildren(...up, ...listing.entries.map((entry) => this.entry(dir, entry)));
    if (focused) (this.listed.querySelector<HTMLElement>("button") ?? this.root).focus();
  }

  private entry(dir: string, { name, dir: isDir, size, modified }: Entry): HTMLElement {
    const { words, actions } = this;
    const path = dir === "" ? name : `${dir}/${name}`;
    if (isDir) return this.step(`${name}/`, path);
    const facts = [bytes(words, size), new Date(modified).toLocaleString(words.language, { dateStyle: "medium", timeStyle: "short" })];
    const fetch = element("button", { type: "button" }, words.say("files.fetch"));
    fetch.setAttribute("aria-label", words.say("files.fetch.of", name));
    fetch.addEventListener("click", () => actions.files.fetch(path));
    return element("li", {}, element("strong", {}, name), element("small", {}, facts.join(" · ")), fetch);
  }

  private step(label: string, dir: string): HTMLElement {
    const button = element("button", { type: "button", class: "step" }, label);
    button.addEventListener("click", () => void this.go(dir));
    return element("li", {}, button);
  }
}

function noteOf(words: Words, { entries, more }: Listing): string {
  if (entries.length === 0) return words.say("files.none");
  return more ? words.say("files.more", words.number(entries.length)) : "";
}

function stateWords(words: Words, { state, sent, error, file }: Upload): string {
  switch (state) {
    case "waiting":
    case "resting":
    case "cancelled":
      return words.say(`files.${state}`);
    case "sending":
      return words.say("files.sending", bytes(words, sent), bytes(words, file.size));
    case "done":
      return words.say("files.done", bytes(words, file.size));
    case "failed":
      return words.say(`files.failed.${error as Exclude<UploadError, "">}`);
  }
}

/** A size in words. */
export function bytes(words: Words, size: number): string {
  const steps = ["files.B", "files.kB", "files.MB", "files.GB"] as const;
  let step = 0;
  for (; size >= 999.5 && step < steps.length - 1; step++) size /= 1000;
  return words.say(steps[step] ?? "files.GB", words.number(size, step === 0 || size >= 100 ? 0 : 1));
}
