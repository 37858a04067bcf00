import assert from "node:assert/strict";
import { test } from "node:test";
import { filesOf, Files, readListing } from "../src/files.ts";
import { bytes } from "../src/ui/files.ts";
import { FakeClock, wordsIn } from "./fakes.ts";

test("a listing is read, and nonsense in it is not", () => {
  assert.deepEqual(readListing(null), { entries: [], more: false });
  assert.deepEqual(readListing({ entries: "x", more: 1 }), { entries: [], more: false });
  const at = "2026-11-20T23:00:00Z";
  assert.deepEqual(readListing({ entries: [{ name: "a", size: 3, modified: at }, null, {}, { name: 7 }, { name: "d", dir: true }], more: true }), {
    entries: [
      { name: "a", dir: false, size: 3, modified: Date.parse(at) },
      { name: "d", dir: true, size: 0, modified: 0 },
    ],
    more: true,
  });
});

test("directories are left out of what is dropped", () => {
  const file = { name: "a" } as File;
  const item = (kind: string, dir: boolean) => ({ kind, getAsFile: () => file, webkitGetAsEntry: () => ({ isDirectory: dir }) });
  const transfer = (items: unknown[], files: File[]) => ({ items, files }) as unknown as DataTransfer;
  assert.deepEqual(filesOf(transfer([item("file", false), item("file", true), item("string", false)], [])), { files: [file], left: 1 });
  assert.deepEqual(filesOf(transfer([], [file])), { files: [file], left: 0 });
});

test("requests name the page in a header, never in the address", async () => {
  const asked: [string, Headers][] = [];
  const fetch = async (url: URL, init: RequestInit) => {
    asked.push([url.href, new Headers(init.headers)]);
    return new Response(url.pathname.endsWith("no") ? null : "{}", { status: url.pathname.endsWith("no") ? 403 : 200 });
  };
  Object.assign(globalThis, { fetch });
  const files = new Files(new FakeClock(), { page: "the-secret-of-the-page", key: () => "the-key" }, "https://h/user/a/?x=1", { changed: () => {} });
  assert.deepEqual(await files.list("été/b c"), { entries: [], more: false });
  assert.equal(asked[0]?.[0], "https://h/user/a/files/list/%C3%A9t%C3%A9/b%20c");
  assert.equal(asked[0]?.[1].get("Lucarne-Page"), "the-secret-of-the-page");
  assert.equal(asked[0]?.[1].get("Lucarne-Key"), "the-key");
  assert.equal(await files.list("no"), "refused");
  Object.assign(globalThis, { fetch: () => Promise.reject(new TypeError("no answer")) });
  assert.equal(await files.list(""), "failed");
});

test("sizes are said in three figures", () => {
  const cases: [number, string][] = [[0, "0 B"], [999, "999 B"], [1000, "1.0 kB"], [123_456, "123 kB"], [999_950, "1.0 MB"], [5e9, "5.0 GB"], [5e12, "5,000 GB"]];
  for (const [size, want] of cases) assert.equal(bytes(wordsIn("en"), size), want.replace(" ", "\u00a0"));
  assert.equal(bytes(wordsIn("fr"), 1500), "1,5\u00a0ko");
});
