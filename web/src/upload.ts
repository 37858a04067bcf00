/** Files for the desktop, one after the other, in pieces that go on where a cut has left them (tus 1.0.0, https://tus.io). */

import { Backoff } from "./backoff.ts";
import type { Clock } from "./clock.ts";

/** Makes a request below "files/", for this page's viewer; rejects when there is no answer. */
export type Request = (path: string, init: RequestInit) => Promise<Response>;

/** "waiting": others come first; "resting": the server is not reached, and tried again. */
export type UploadState = "waiting" | "sending" | "resting" | "done" | "failed" | "cancelled";

/** Why an upload has failed: a code of the catalogues. */
export type UploadError = "" | "refused" | "name" | "too-large" | "full" | "unreadable" | "unwritable" | "failed";

export interface Upload {
  readonly file: Blob & { readonly name: string };
  /** The name that the file has on the desktop, once it is there. */
  name: string;
  /** Bytes that have arrived. */
  sent: number;
  state: UploadState;
  error: UploadError;
}

/** The pieces' sizes in bytes: small enough for proxies that hold a request back until it is whole. */
const LEAST = 128 << 10;
const MOST = 8 << 20;
/** A piece takes about so long, in ms, so that progress shows and a cut costs little. */
const PIECE = 1000;
/** An upload that the server forgets begins again, but not for ever. */
const MAX_FORGOTTEN = 3;

const failures: Record<number, UploadError> = { 400: "name", 403: "refused", 413: "too-large", 507: "full" };

/** What cannot be mended by trying again. */
class Failure extends Error {
  constructor(readonly code: UploadError) {
    super(code);
  }
}

export class Uploads {
  private readonly all: Upload[] = [];
  private readonly stops = new Map<Upload, AbortController>();
  private running = false;
  private size = 1 << 20;
  private most = MOST;

  constructor(
    private readonly clock: Clock,
    private readonly request: Request,
    /** Something about an upload has changed. */
    private readonly changed: (upload: Upload) => void,
    private readonly backoff = new Backoff(),
  ) {}

  /** All since the page was loaded, the first first. */
  get list(): readonly Upload[] {
    return this.all;
  }

  /** Whether something is still on its way. */
  get busy(): boolean {
    return this.running;
  }

  /** Sends files, after those that are waiting. */
  add(files: Iterable<Upload["file"]>): void {
    for (const file of files) {
      const upload: Upload = { file, name: file.name, sent: 0, state: "waiting", error: "" };
      this.all.push(upload);
      this.stops.set(upload, new AbortController());
      this.changed(upload);
    }
    if (!this.running) void this.run();
  }

  /** Gives an upload up; nothing of it stays on the desktop. */
  cancel(upload: Upload): void {
    if (!this.stops.has(upload)) return;
    this.stops.get(upload)?.abort();
    this.end(upload, "cancelled");
  }

  private async run(): Promise<void> {
    this.running = true;
    for (let next; (next = this.all.find(({ state }) => state === "waiting")); ) await this.send(next);
    this.running = false;
  }

  private end(upload: Upload, state: UploadState, error: UploadError = ""): void {
    this.stops.delete(upload);
    this.put(upload, { state, error });
  }

  private put(upload: Upload, news: Partial<Upload>): void {
    Object.assign(upload, news);
    this.changed(upload);
  }

  private async send(upload: Upload): Promise<void> {
    const stop = this.stops.get(upload)?.signal;
    let place = "";
    let forgotten = 0;
    this.backoff.reset();
    while (stop && !stop.aborted) {
      try {
        if (place === "") {
          const begun = await this.begin(upload, stop);
          place = begun.place;
          this.put(upload, { sent: 0, state: "sending" });
          if (begun.name !== null) return this.end(Object.assign(upload, { name: begun.name }), "done");
        } else if (upload.state === "resting") {
          const { headers } = await this.ask(place, { method: "HEAD", signal: stop });
          this.put(upload, { sent: Number(headers.get("Upload-Offset")), state: "sending" });
          const name = nameIn(headers);
          if (name !== null) return this.end(Object.assign(upload, { name }), "done");
        }
        const name = await this.piece(upload, place, stop);
        this.backoff.reset();
        if (name !== null) return this.end(Object.assign(upload, { name }), "done");
      } catch (error) {
        if (stop.aborted) break;
        if (error instanceof Failure && error.code === "too-large" && upload.state === "sending" && this.size > LEAST) {
          // The server takes the file, or would have said so at first: a proxy's limit is on the request.
          this.most = this.size /= 2;
          continue;
        }
        if (error instanceof Failure) {
          this.discard(place);
          return this.end(upload, "failed", error.code);
        }
        if (error instanceof Gone) {
          place = "";
          if (++forgotten === MAX_FORGOTTEN) return this.end(upload, "failed", "failed");
        }
        this.put(upload, { state: "resting" });
        await new Promise<void>((resolve) => {
          this.clock.after(this.backoff.next(), resolve);
          stop.addEventListener("abort", () => resolve(), { once: true }); // others wait behind this one
        });
      }
    }
    this.discard(place);
  }

  /** Announces a file; returns where its pieces go, and the name of one that has none. */
  private async begin({ file }: Upload, signal: AbortSignal): Promise<{ place: string; name: string | null }> {
    const bytes = new TextEncoder().encode(file.name);
    const { headers } = await this.ask("uploads/", {
      method: "POST",
      signal,
      headers: {
        "Upload-Length": String(file.size),
        "Upload-Metadata": `filename ${btoa(String.fromCharCode(...bytes))}`,
      },
    });
    return { place: `uploads/${headers.get("Location")?.split("/").at(-1) ?? ""}`, name: nameIn(headers) };
  }

  /** Sends the next piece; returns the file's name with the last one, null before. */
  private async piece(upload: Upload, place: string, signal: AbortSignal): Promise<string | null> {
    let body: ArrayBuffer;
    try {
      body = await upload.file.slice(upload.sent, upload.sent + this.size).arrayBuffer();
    } catch {
      throw new Failure("unreadable"); // it has been changed, or removed, since it was chosen
    }
    const start = this.clock.now();
    const { headers } = await this.ask(place, {
      method: "PATCH",
      signal,
      body,
      headers: { "Content-Type": "application/offset+octet-stream", "Upload-Offset": String(upload.sent) },
    });
    const took = this.clock.now() - start;
    if (took < PIECE / 2) this.size = Math.min(this.most, this.size * 2);
    else if (took > PIECE * 2) this.size = Math.max(LEAST, this.size / 2);
    this.put(upload, { sent: Number(headers.get("Upload-Offset")), state: "sending" });
    return nameIn(headers);
  }

  private discard(place: string): void {
    // Not waited for: what nobody goes on with is given up by the server as well.
    if (place !== "") this.ask(place, { method: "DELETE" }).catch(() => {});
  }

  private async ask(path: string, init: RequestInit): Promise<Response> {
    const response = await this.request(path, { ...init, headers: { ...init.headers, "Tus-Resumable": "1.0.0" } });
    if (response.ok) return response;
    const code = failures[response.status];
    if (code) throw new Failure(code);
    if (response.status === 404) throw new Gone();
    // Ours says that the disk takes nothing; another one is a proxy's, to which the server does not answer.
    if (response.status === 500 && response.headers.has("Tus-Resumable")) throw new Failure("unwritable");
    throw new Error(`status ${response.status}`);
  }
}

/** The name that a file has on the desktop; null while it is not there. */
function nameIn(headers: Headers): string | null {
  const name = headers.get("Lucarne-Name");
  return name === null ? null : decodeURIComponent(name);
}

/** The server does not know the upload any more. */
class Gone extends Error {}
