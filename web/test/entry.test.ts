import assert from "node:assert/strict";
import { test } from "node:test";
import { Company } from "../src/company.ts";
import { Entry } from "../src/entry.ts";
import type { Person } from "../src/protocol.ts";
import { FakeClock } from "./fakes.ts";

const PAGE = "https://h/user/a/?lang=fr";

/** A tab's storage. */
class Storage {
  readonly items = new Map<string, string>();
  getItem = (key: string): string | null => this.items.get(key) ?? null;
  setItem = (key: string, value: string): void => void this.items.set(key, value);
  removeItem = (key: string): void => void this.items.delete(key);
}

/** Lets the server answer logins so, and notes their bodies. */
function answering(status: number, body: unknown): unknown[] {
  const bodies: unknown[] = [];
  const fetch = async (url: URL, init: { body?: string }) => {
    if (!url.pathname.endsWith("/login")) return { status: 204 };
    bodies.push(JSON.parse(init.body ?? ""));
    return { status, json: async () => body };
  };
  Object.assign(globalThis, { fetch });
  return bodies;
}

test("a tab that has come by a link is nothing else until its address says so", async () => {
  const storage = new Storage();
  const bodies = answering(200, { share: "id" });
  const first = new Entry({ token: "", view: "secret" }, storage, PAGE);
  assert.deepEqual([first.pending, first.byLink, first.share], [true, true, ""]);
  assert.equal(await first.exchange(), "in");
  assert.deepEqual(bodies, [{ share: "secret", path: "/user/a/" }]);
  assert.equal(first.share, "id");
  assert.ok(![...storage.items.values()].includes("secret"));

  const reloaded = new Entry({ token: "", view: "" }, storage, PAGE);
  assert.deepEqual([reloaded.pending, reloaded.byLink, reloaded.share], [false, true, "id"]);
  const elsewhere = new Entry({ token: "", view: "" }, storage, "https://h/user/b/");
  assert.deepEqual([elsewhere.byLink, elsewhere.share], [false, ""]);
  const owner = new Entry({ token: "t", view: "" }, storage, PAGE);
  assert.deepEqual([owner.pending, owner.byLink, owner.share], [true, false, ""]);
  assert.equal(new Entry({ token: "", view: "" }, storage, PAGE).byLink, false);
});

test("a link that is not valid leaves nothing behind", async () => {
  const storage = new Storage();
  answering(401, null);
  const entry = new Entry({ token: "", view: "old" }, storage, PAGE);
  assert.equal(await entry.exchange(), "wrong");
  assert.deepEqual([entry.byLink, entry.share, storage.items.size], [true, "", 0]);
  answering(200, "nonsense");
  assert.equal(await entry.exchange(), "in");
  assert.equal(entry.share, "");
  const without = new Entry({ token: "", view: "s" }, null, PAGE);
  answering(200, { share: "id" });
  await without.exchange();
  assert.equal(without.share, "id");
});

const person = (id: string, more: Partial<Person> = {}): Person => ({
  id,
  name: "",
  role: "viewer",
  lent: false,
  you: false,
  leads: false,
  path: "",
  since: 0,
  asked: 0,
  ...more,
});

test("who comes, goes and asks is told once, and who only connects anew is not", () => {
  const clock = new FakeClock();
  const told: string[] = [];
  const company = new Company(clock, (event, { id }) => told.push(`${event} ${id}`));
  const hears = (want: string[], ...people: Person[]) => {
    company.say([person("1", { you: true }), ...people]);
    assert.deepEqual(told.splice(0), want);
  };
  const zoe = person("2", { name: "Zoé" });
  hears(["joined 2"], zoe);
  hears([], zoe);
  hears(["asked 2"], { ...zoe, asked: 5 });
  hears([], { ...zoe, asked: 5 });
  hears(["asked 2"], { ...zoe, asked: 9 });
  hears([], { ...zoe, role: "controller", lent: true, leads: true });
  hears([]);
  hears([], { ...zoe, id: "3" }); // back with the role of its own
  hears(["joined 4"], { ...zoe, id: "3" }, person("4", { name: "Max" }));
  hears(["joined 5"], { ...zoe, id: "3" }, person("5")); // somebody else than who has gone
  clock.turn(4999);
  assert.deepEqual(told, []);
  clock.turn(1);
  assert.deepEqual(told.splice(0), ["left 4"]);
  clock.turn(60_000);
  assert.deepEqual(told, []);
});

test("a new connection of one's own is nobody", () => {
  const told: string[] = [];
  const company = new Company(new FakeClock(), (event, { id }) => told.push(`${event} ${id}`));
  company.say([person("1", { you: true }), person("2")]);
  company.say([person("3", { you: true }), person("2")]);
  assert.deepEqual(told, ["joined 2"]);
});
