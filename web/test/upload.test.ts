import assert from "node:assert/strict";
import { test } from "node:test";
import { Backoff } from "../src/backoff.ts";
import { Uploads, type Upload } from "../src/upload.ts";
import { FakeClock } from "./fakes.ts";

/** A server that keeps what it gets, and answers as it is told. */
class FakeServer {
  readonly files = new Map<string, string>();
  readonly log: string[] = [];
  /** The bytes of a request that the proxy in front lets through. */
  proxyMost = Infinity;
  /** What the next requests get instead of an answer: a proxy's status, 0 for none, or what the server says itself. */
  faults: (number | Response)[] = [];
  /** Of the next piece only so many bytes arrive, and no answer. */
  cut = -1;
  private readonly parts = new Map<string, { name: string; size: number; text: string }>();
  private count = 0;

  readonly request = async (path: string, init: RequestInit): Promise<Response> => {
    const headers = new Headers(init.headers);
    assert.equal(headers.get("Tus-Resumable"), "1.0.0");
    this.log.push(`${init.method} ${path} ${headers.get("Upload-Offset") ?? ""}`.trim());
    init.signal?.throwIfAborted();
    const fault = this.faults.shift();
    if (fault === 0) throw new TypeError("no answer");
    if (fault instanceof Response) return fault;
    if (fault !== undefined) return new Response(null, { status: fault });
    if (((init.body as ArrayBuffer | undefined)?.byteLength ?? 0) > this.proxyMost) return new Response(null, { status: 413 });
    const part = this.parts.get(path);
    if (init.method !== "POST" && !part) return new Response(null, { status: 404 });
    switch (init.method) {
      case "POST": {
        const [, encoded] = (headers.get("Upload-Metadata") ?? "").split(" ");
        const name = new TextDecoder().decode(Uint8Array.from(atob(encoded ?? ""), (c) => c.charCodeAt(0)));
        const size = Number(headers.get("Upload-Length"));
        const answer = new Headers({ Location: `/user/a/files/uploads/${++this.count}` });
        if (size > 0) this.parts.set(`uploads/${this.count}`, { name, size, text: "" });
        else {
          this.files.set(name, "");
          answer.set("Lucarne-Name", encodeURIComponent(name));
        }
        return new Response(null, { status: 201, headers: answer });
      }
      case "HEAD": {
        const named: Record<string, string> = this.files.has(part!.name) ? { "Lucarne-Name": encodeURIComponent(part!.name) } : {};
        return new Response(null, { status: 200, headers: { "Upload-Offset": String(part!.text.length), ...named } });
      }
      case "DELETE":
        this.parts.delete(path);
        return new Response(null, { status: 204 });
    }
    if (Number(headers.get("Upload-Offset")) !== part!.text.length) return new Response(null, { status: 409 });
    const body = new TextDecoder("latin1").decode(init.body as ArrayBuffer);
    if (this.cut >= 0) {
      part!.text += body.slice(0, this.cut);
      this.cut = -1;
      if (part!.text.length === part!.size) this.files.set(part!.name, part!.text);
      throw new TypeError("cut");
    }
    part!.text += body;
    const answer = new Headers({ "Upload-Offset": String(part!.text.length) });
    if (part!.text.length === part!.size) {
      this.files.set(part!.name, part!.text);
      this.parts.delete(path);
      answer.set("Lucarne-Name", encodeURIComponent(part!.name));
    }
    return new Response(null, { status: 204, headers: answer });
  };

  get unfinished(): number {
    return this.parts.size;
  }
}

const file = (name: string, content: string): Upload["file"] => Object.assign(new Blob([content]), { name });

/** Lets what has been asked be answered. */
const turn = () => new Promise<void>((resolve) => void setTimeout(resolve));

/** Lets requests and waits come to their end. */
async function rest(clock: FakeClock, uploads: Uploads): Promise<void> {
  for (let n = 0; n < 200 && uploads.busy; n++) {
    await turn();
    clock.turn(1000);
  }
  await turn();
}

function make(): { clock: FakeClock; server: FakeServer; uploads: Uploads; seen: string[] } {
  const clock = new FakeClock();
  const server = new FakeServer();
  const seen: string[] = [];
  const uploads = new Uploads(clock, server.request, (u) => seen.push(`${u.name} ${u.state} ${u.sent}`), new Backoff(500, 4000, () => 0));
  return { clock, server, uploads, seen };
}

test("files go one after the other, under the names that the desktop gives them", async () => {
  const { clock, server, uploads, seen } = make();
  uploads.add([file("été.txt", "summer"), file("b", "winter")]);
  assert.ok(uploads.busy);
  await rest(clock, uploads);
  assert.deepEqual([...server.files], [["été.txt", "summer"], ["b", "winter"]]);
  assert.deepEqual(server.log, ["POST uploads/", "PATCH uploads/1 0", "POST uploads/", "PATCH uploads/2 0"]);
  assert.equal(seen.at(-1), "b done 6");
  assert.ok(!uploads.busy);
});

test("an empty file needs no piece", async () => {
  const { clock, server, uploads } = make();
  uploads.add([file("é", "")]);
  await rest(clock, uploads);
  assert.deepEqual([...server.files], [["é", ""]]);
  assert.deepEqual(server.log, ["POST uploads/"]);
  assert.deepEqual([uploads.list[0]?.state, uploads.list[0]?.name], ["done", "é"]);
});

test("a cut costs what of the piece has not arrived", async () => {
  const { clock, server, uploads } = make();
  server.cut = 3;
  uploads.add([file("a", "0123456789")]);
  await rest(clock, uploads);
  assert.equal(server.files.get("a"), "0123456789");
  assert.deepEqual(server.log, ["POST uploads/", "PATCH uploads/1 0", "HEAD uploads/1", "PATCH uploads/1 3"]);
});

test("a file that is whole, but nobody has said so, is not sent again", async () => {
  const { clock, server, uploads } = make();
  server.cut = 10;
  uploads.add([file("a", "0123456789")]);
  await rest(clock, uploads);
  assert.equal(uploads.list[0]?.state, "done");
  assert.deepEqual(server.log, ["POST uploads/", "PATCH uploads/1 0", "HEAD uploads/1"]);
});

test("a server that cannot be reached, or is busy, is tried again", async () => {
  const { clock, server, uploads, seen } = make();
  server.faults = [0, 429, 401, 500, 502, 0, undefined as unknown as number, 0, 503];
  uploads.add([file("a", "x")]);
  await rest(clock, uploads);
  assert.equal(server.files.get("a"), "x");
  assert.ok(seen.includes("a resting 0"));
  assert.deepEqual(server.log.slice(-4), ["PATCH uploads/1 0", "HEAD uploads/1", "HEAD uploads/1", "PATCH uploads/1 0"]);
});

test("an upload that the server has forgotten begins again", async () => {
  const { clock, server, uploads } = make();
  server.faults = [undefined as unknown as number, 404];
  uploads.add([file("a", "x")]);
  await rest(clock, uploads);
  assert.equal(server.files.get("a"), "x");
  assert.deepEqual(server.log, ["POST uploads/", "PATCH uploads/1 0", "POST uploads/", "PATCH uploads/2 0"]);
  const begin = undefined as unknown as number;
  server.faults = [begin, 404, begin, 404, begin, 404];
  uploads.add([file("b", "x")]);
  await rest(clock, uploads);
  assert.equal(uploads.list[1]?.error, "failed");
});

test("what trying again does not mend ends an upload with its reason", async () => {
  const { clock, server, uploads } = make();
  for (const [status, error] of [[403, "refused"], [413, "too-large"], [507, "full"], [400, "name"]] as const) {
    server.faults = [status];
    uploads.add([file("a", "x")]);
    await rest(clock, uploads);
    assert.equal(uploads.list.at(-1)?.error, error);
  }
  server.faults = [undefined as unknown as number, new Response(null, { status: 500, headers: { "Tus-Resumable": "1.0.0" } })];
  uploads.add([file("a", "x")]);
  await rest(clock, uploads);
  assert.equal(uploads.list.at(-1)?.error, "unwritable");
  const gone = Object.assign(new Blob(["x"]), { name: "gone" });
  gone.slice = () => Object.assign(new Blob(), { arrayBuffer: () => Promise.reject(new Error("changed")) });
  uploads.add([gone]);
  await rest(clock, uploads);
  assert.equal(uploads.list.at(-1)?.error, "unreadable");
  assert.equal(server.unfinished, 0, "nothing is left behind");
});

test("pieces become as small as a proxy wants requests to be, and stay so", async () => {
  const { clock, server, uploads, seen } = make();
  server.proxyMost = 1 << 20;
  const content = "0123456789abcdef".repeat(5 << 16);
  uploads.add([file("a", content), file("b", content)]);
  await rest(clock, uploads);
  assert.equal(server.files.get("a"), content);
  assert.equal(server.files.get("b"), content);
  assert.equal(server.log.filter((line) => line.startsWith("PATCH")).length, 1 + 5 + 5, "one piece is refused");
  assert.ok(!seen.some((line) => line.includes("resting")));
  server.proxyMost = 100;
  uploads.add([file("c", content)]);
  await rest(clock, uploads);
  assert.equal(uploads.list[2]?.error, "too-large");
  assert.equal(server.unfinished, 0);
});

test("a person can give an upload up, and the next one goes", async () => {
  const { clock, server, uploads } = make();
  server.faults = [undefined as unknown as number, 503];
  uploads.add([file("a", "x"), file("b", "y"), file("c", "z")]);
  for (let n = 0; n < 5; n++) await turn();
  const [a, b] = uploads.list;
  uploads.cancel(a!);
  uploads.cancel(b!);
  uploads.cancel(b!);
  await rest(clock, uploads);
  assert.deepEqual(uploads.list.map(({ state }) => state), ["cancelled", "cancelled", "done"]);
  assert.deepEqual([...server.files.keys()], ["c"]);
  assert.equal(server.unfinished, 0);
});

test("an upload that rests is given up at once", async () => {
  const { server, uploads } = make();
  server.faults = [undefined as unknown as number, 0];
  uploads.add([file("a", "x"), file("b", "y")]);
  const [a, b] = uploads.list;
  for (let n = 0; n < 2000 && a!.state !== "resting"; n++) await turn();
  uploads.cancel(a!);
  for (let n = 0; n < 2000 && uploads.busy; n++) await turn();
  assert.equal(b!.state, "done");
  assert.equal(server.unfinished, 0);
});

test("pieces grow while they are quick and shrink when they are slow", async () => {
  const { clock, server, uploads } = make();
  const sizes: number[] = [];
  let slow = 0;
  const request = server.request;
  const timed = new Uploads(clock, async (path, init) => {
    if (init.method === "PATCH") {
      sizes.push((init.body as ArrayBuffer).byteLength >> 10);
      clock.turn(slow);
      if (sizes.length === 4) slow = 3000;
    }
    return request(path, init);
  }, () => {}, new Backoff(1, 1, () => 0));
  timed.add([file("a", "x".repeat(24 << 20))]);
  for (let n = 0; n < 400 && timed.busy; n++) await turn();
  assert.deepEqual(sizes.slice(0, 6), [1024, 2048, 4096, 8192, 8192, 1024]);
  assert.equal(uploads.busy, false);
});
