/** Files between the person's machine and the desktop, by requests of their own. */

import type { Clock } from "./clock.ts";
import { Uploads, type Upload, type UploadError } from "./upload.ts";

/** What lies in a directory of the desktop. */
export interface Entry {
  name: string;
  dir: boolean;
  /** Bytes; of a file. */
  size: number;
  /** Milliseconds since 1970. */
  modified: number;
}

export interface Listing {
  /** The newest first. */
  entries: Entry[];
  /** There are others, which are not listed. */
  more: boolean;
}

export interface FilesListener {
  /** Something about an upload has changed. */
  changed(upload: Upload): void;
}

export class Files {
  readonly uploads: Uploads;

  /** as: the secret by which the server knows this page, and the key by which it has come in; base: where the desktop's page is. */
  constructor(
    clock: Clock,
    private readonly as: { page: string; key(): string },
    private readonly base: string,
    listener: FilesListener,
  ) {
    this.uploads = new Uploads(clock, (path, init) => this.request(path, init), listener.changed);
  }

  /** Lists a directory, "" for the first one; why not, where that fails. */
  async list(dir: string): Promise<Listing | UploadError> {
    try {
      const response = await this.request(`list/${pathOf(dir)}`, {});
      if (response.status === 403) return "refused";
      return response.ok ? readListing(await response.json()) : "failed";
    } catch {
      return "failed";
    }
  }

  /** Has the browser save a file. Secret and key go in a form, where no address shows them. */
  fetch(path: string): void {
    const form = document.createElement("form");
    form.method = "post";
    form.action = new URL("files/fetch", this.base).href;
    form.target = "_blank"; // an error would take this page's place
    for (const [name, value] of Object.entries({ page: this.as.page, key: this.as.key(), path })) {
      const field = document.createElement("input");
      field.type = "hidden";
      field.name = name;
      field.value = value;
      form.append(field);
    }
    document.body.append(form);
    form.submit();
    form.remove();
  }

  private request(path: string, init: RequestInit): Promise<Response> {
    const headers = { ...init.headers, "Lucarne-Page": this.as.page, "Lucarne-Key": this.as.key() };
    return fetch(new URL(`files/${path}`, this.base), { ...init, headers, cache: "no-store" });
  }
}

const pathOf = (dir: string): string => dir.split("/").map(encodeURIComponent).join("/");

/** Reads what the server lists. */
export function readListing(answer: unknown): Listing {
  const { entries, more } = (answer ?? {}) as { entries?: unknown; more?: unknown };
  const listed = Array.isArray(entries) ? entries : [];
  return {
    more: more === true,
    entries: listed
      .filter((entry): entry is Record<string, unknown> => typeof entry === "object" && entry !== null)
      .filter(({ name }) => typeof name === "string" && name !== "")
      .map(({ name, dir, size, modified }) => ({
        name: String(name),
        dir: dir === true,
        size: typeof size === "number" ? size : 0,
        modified: Date.parse(String(modified)) || 0,
      })),
  };
}

/** The files of what is dropped or pasted; directories, which cannot be sent, are left out, and counted. */
export function filesOf(transfer: Pick<DataTransfer, "items" | "files">): { files: File[]; left: number } {
  const items = [...transfer.items].filter(({ kind }) => kind === "file");
  if (items.length === 0) return { files: [...transfer.files], left: 0 };
  const files = items.filter((item) => !item.webkitGetAsEntry?.()?.isDirectory).flatMap((item) => item.getAsFile() ?? []);
  return { files, left: items.length - files.length };
}
