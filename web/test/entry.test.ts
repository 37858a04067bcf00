import assert from "node:assert/strict";
import { test } from "node:test";
import { Company } from "../src/company.ts";
import { arrive, Entry, handOver, historyMemory } from "../src/entry.ts";
import type { Secrets } from "../src/http.ts";
import type { Person } from "../src/protocol.ts";
import { FakeClock } from "./fakes.ts";

const PAGE = "https://h/user/a/?lang=fr";

const nothing: Secrets = { token: "", view: "", key: "", share: "", code: "", refused: "" };

/** An entry of a tab's history, whatever else its state holds. */
class FakeHistory {
  state: unknown = { other: 1 };
  replaceState = (state: unknown): void => void (this.state = structuredClone(state));
}

/** A tab's storage. */
class Storage {
  readonly items = new Map<string, string>();
  getItem = (key: string): string | null => this.items.get(key) ?? null;
  setItem = (key: string, value: string): void => void this.items.set(key, value);
  removeItem = (key: string): void => void this.items.delete(key);
}

/** A tab, and what is in its address. */
function tab(history = new FakeHistory(), storage = new Storage()) {
  return { history, storage, load: (secrets: Partial<Secrets> = {}) => new Entry({ ...nothing, ...secrets }, historyMemory(history), storage, PAGE) };
}

/** Lets the server answer POSTs so, and notes their bodies and headers. */
function answering(status: number, body: unknown): { path: string; body: unknown; key: string | null }[] {
  const asked: { path: string; body: unknown; key: string | null }[] = [];
  const fetch = async (url: URL, init: RequestInit) => {
    if (init.method !== "POST") return new Response(JSON.stringify({ methods: ["token"], key: true }));
    asked.push({ path: url.pathname, body: init.body ? JSON.parse(String(init.body)) : null, key: new Headers(init.headers).get("Lucarne-Key") });
    return new Response(status === 204 ? null : JSON.stringify(body), { status });
  };
  Object.assign(globalThis, { fetch });
  return asked;
}

test("a tab that has come by a link is nothing else until its address says so", async () => {
  const { history, load } = tab();
  const asked = answering(200, { share: "id", key: "k" });
  const first = load({ view: "secret" });
  assert.deepEqual([first.pending, first.byLink, first.share, first.key], [true, true, "", ""]);
  assert.equal(await first.exchange(), "in");
  assert.deepEqual(asked[0]?.body, { share: "secret", path: "/user/a/" });
  assert.deepEqual([first.share, first.key], ["id", "k"]);
  assert.deepEqual(history.state, { other: 1, lucarne: { key: "k", share: "id" } });

  const reloaded = load();
  assert.deepEqual([reloaded.pending, reloaded.byLink, reloaded.share, reloaded.key], [false, true, "id", "k"]);
  const another = tab().load();
  assert.deepEqual([another.byLink, another.share, another.key], [false, "", ""]);
  const owner = load({ token: "t" });
  assert.deepEqual([owner.pending, owner.byLink, owner.share, owner.key], [true, false, "", ""]);
  assert.equal(load().byLink, false);
});

test("a link that is not valid leaves nothing behind", async () => {
  const { history, load } = tab();
  answering(401, null);
  const entry = load({ view: "old" });
  assert.equal(await entry.exchange(), "wrong");
  assert.deepEqual([entry.byLink, entry.share, entry.key], [true, "", ""]);
  answering(200, "nonsense");
  assert.equal(await entry.exchange(), "in");
  assert.deepEqual([entry.share, entry.key], ["", ""]);
  assert.ok(!JSON.stringify(history.state).includes("old"));
});

test("the key stays with the entry of the history, never in a storage that other pages of the tab read", async () => {
  const { history, storage, load } = tab();
  answering(200, { key: "k" });
  const entry = load();
  assert.equal(await entry.signIn({ password: "p" }), "in");
  assert.equal(storage.items.size, 0);
  assert.equal(load().key, "k");
  const asked = answering(204, null);
  assert.ok(await entry.signOut());
  assert.deepEqual(asked, [{ path: "/user/a/logout", body: { path: "/user/a/" }, key: "k" }]);
  assert.deepEqual([entry.key, load().key, JSON.stringify(history.state).includes('"k"')], ["", "", false]);
  history.state = { lucarne: { key: 7, share: null } };
  assert.equal(load().key, "");
});

test("who comes back from the hub gets a key for what the tab had gone with", async () => {
  const { storage, load } = tab();
  const asked = answering(200, { location: "https://h/hub/api/oauth2/authorize?state=s" });
  const gone: string[] = [];
  assert.ok(await load().leaveToSignIn((url) => gone.push(url)));
  assert.deepEqual(gone, ["https://h/hub/api/oauth2/authorize?state=s"]);
  const [verifier = ""] = storage.items.values();
  assert.ok(/^[\w-]{43}$/.test(verifier));
  assert.deepEqual(asked[0]?.body, { oauth: verifier, path: "/user/a/" });

  const back = tab(new FakeHistory(), storage).load({ code: "c" });
  const fetched = answering(200, { key: "k" });
  assert.ok(back.pending);
  assert.equal(await back.exchange(), "in");
  assert.deepEqual(fetched[0]?.body, { verifier, code: "c", path: "/user/a/" });
  assert.deepEqual([back.key, storage.items.size], ["k", 0]);
  answering(502, null);
  assert.equal(await load().leaveToSignIn(() => assert.ok(false)), false);
});

test("the form goes on once it has let somebody in", async () => {
  const { load } = tab();
  let on = 0;
  const { methods, login } = load().form(() => on++);
  answering(401, null);
  assert.deepEqual(await methods(), ["token"]);
  assert.deepEqual([await login({ token: "t" }), on], ["wrong", 0]);
  answering(200, { key: "k" });
  assert.deepEqual([await login({ token: "t" }), on], ["in", 1]);
});

test("a link that is put into the address of a page that is there already is followed", () => {
  const { history, storage } = tab();
  let changed = () => {};
  let loaded = 0;
  const location = { hash: "#token=t", pathname: "/user/a/", search: "", reload: () => loaded++ };
  const addEventListener = (_: "hashchange", listener: () => void) => (changed = listener);
  const document = { addEventListener: () => {} };
  const entry = arrive(PAGE, { location, history, document, sessionStorage: storage, addEventListener } as unknown as Parameters<typeof arrive>[1]);
  assert.ok(entry.pending);
  for (const [hash, want] of [["", 0], ["#else", 0], ["#token=other", 1], ["#view=link", 2]] as const) {
    location.hash = hash;
    changed();
    assert.equal(loaded, want, hash);
  }
});

test("links to pages of ours take the key along while they are followed, and others do not", async () => {
  const { load } = tab();
  const entry = load({ key: "k", share: "id" });
  const listeners = new Map<string, (event: { target: unknown }) => void>();
  handOver(entry, { addEventListener: (type: string, listener: () => void) => listeners.set(type, listener) } as unknown as Document, PAGE);
  const follow = async (href: string) => {
    const link = { href, hash: "", getAttribute: () => href, setAttribute: () => (link.hash = "") };
    listeners.get("click")?.({ target: { closest: () => link } });
    const { hash } = link;
    await new Promise((resolve) => setTimeout(resolve, 5));
    return [hash, link.hash];
  };
  assert.deepEqual(await follow("https://h/user/a/vnc/?x=1"), ["key=k&share=id", ""]);
  assert.deepEqual(await follow("https://h/user/b/"), ["", ""]);
  assert.deepEqual(await follow("https://elsewhere/user/a/"), ["", ""]);
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
