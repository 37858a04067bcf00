import assert from "node:assert/strict";
import { test } from "node:test";
import { Clipboard } from "../src/clipboard.ts";
import { equal, NOTHING, pack, plain, unpack, type Bytes, type Content } from "../src/clipboard/content.ts";
import type { SystemClipboard } from "../src/clipboard/system.ts";
import { FakeClock, settle } from "./fakes.ts";

/** A picture that a browser writes anew as one of another length. */
const picture = (name: string): Bytes => new TextEncoder().encode(`PNG ${name}`);
const image = (name: string): Content => ({ ...NOTHING, picture: picture(name) });
const name = (png: Bytes): string => new TextDecoder().decode(png).trimEnd();

function clipboard(system: Partial<SystemClipboard> = {}) {
  const clock = new FakeClock();
  const sent: Content[] = [];
  const changes: [string, boolean][] = [];
  const state = { written: NOTHING, live: true, broken: 0, there: Promise.resolve(true) };
  const made = new Clipboard(
    clock,
    {
      asked: Promise.resolve(),
      readable: () => false,
      read: () => Promise.reject(new Error("no")),
      write: async (content) => void (state.written = content),
      ...system,
    },
    {
      decodes: async (png) => name(png).startsWith("PNG"),
      alike: async (a, b) => name(a) === name(b),
    },
    {
      send: async (content) => {
        if (state.live) sent.push(content);
        return state.live && (await state.there);
      },
      changed: ({ text, html }, offered) => changes.push([text || html, offered]),
      broken: () => state.broken++,
    },
  );
  const paste = async (content: Content | string) => {
    made.pasted(Promise.resolve(typeof content === "string" ? plain(content) : content));
    await settle();
  };
  return { clock, sent, texts: () => sent.map(({ text }) => text), changes, state, paste, clipboard: made };
}

const refusing = { write: () => Promise.reject(new Error("no")) };

test("a text goes each way once, never back", async () => {
  const { clipboard: c, texts, state, changes, paste } = clipboard();
  await c.fromDesktop(plain("one"));
  assert.equal(state.written.text, "one");
  assert.deepEqual(changes, [["one", false]]);
  for (const text of ["one", "two\r\nlines", "two\nlines"]) await paste(text);
  state.written = NOTHING;
  await c.fromDesktop(plain("two\nlines"));
  assert.equal(state.written, NOTHING);
  assert.deepEqual(texts(), ["two\nlines"]);
});

test("what the browser makes of the desktop's content is no news, what it had or gets is", async () => {
  const given: Content = { text: "a", html: "<b onclick>a</b>", picture: null };
  const cases: [string, Content, Content, number][] = [
    ["the same", given, given, 0],
    ["its HTML cleaned", given, { ...given, html: "<b>a</b>" }, 0],
    ["another text", given, plain("b"), 1],
    ["a picture written anew", image("x"), { ...NOTHING, picture: picture("x  ") }, 0],
    ["another picture", image("x"), image("y"), 1],
    ["a picture for a text", plain("a"), image("x"), 1],
    ["HTML alone, cleaned: nobody can tell", { ...given, text: "" }, { ...given, text: "", html: "<b>a</b>" }, 1],
  ];
  for (const [what, desktop, browser, want] of cases) {
    const { clipboard: c, sent, paste } = clipboard();
    await c.fromDesktop(desktop);
    await paste(browser);
    await paste(browser);
    assert.equal(sent.length, want, what);
  }
  const { sent, paste } = clipboard();
  await paste(given);
  await paste({ ...given, html: "<i>a</i>" });
  await paste({ ...given, html: "<i>a</i>" });
  assert.equal(sent.length, 2, "formatted anew by the person");
});

test("a content that the browser refuses is offered, and written at the next gesture", async () => {
  const allowed = { now: false };
  let written = "";
  const write = async ({ text }: Content) => {
    if (!allowed.now) throw new Error("no gesture");
    written = text;
  };
  const { clipboard: c, changes } = clipboard({ write });
  await c.fromDesktop(plain("x"));
  allowed.now = true;
  await c.gesture();
  assert.equal(written, "x");
  assert.deepEqual(changes, [["x", true], ["x", false]]);
  written = "";
  await c.gesture();
  assert.equal(written, "", "once");
});

test("a picture that cannot be decoded is left out", async () => {
  const { clipboard: c, changes, state } = clipboard();
  await c.fromDesktop({ ...plain("t"), picture: new Uint8Array([1, 2, 3]) });
  assert.deepEqual([state.written.text, state.written.picture, state.broken], ["t", null, 1]);
  await c.fromDesktop({ ...NOTHING, picture: new Uint8Array([1]) });
  assert.deepEqual([changes.length, state.broken], [1, 2]);
});

test("the newest copy counts, however long the one before takes to be looked at", async () => {
  let slow = (_: boolean) => {};
  const { state } = clipboard();
  const made = new Clipboard(
    new FakeClock(),
    { asked: Promise.resolve(), readable: () => false, read: () => Promise.reject(), write: async (content) => void (state.written = content) },
    { decodes: () => new Promise((resolve) => (slow = resolve)), alike: async () => false },
    { send: async () => true, changed: () => {}, broken: () => {} },
  );
  const first = made.fromDesktop(image("first"));
  await made.fromDesktop(plain("second"));
  slow(true);
  await first;
  assert.deepEqual([made.content.text, state.written.text], ["second", "second"]);
});

test("without a clipboard everything is offered", async () => {
  const { clipboard: c, changes } = clipboard(refusing);
  await c.fromDesktop(plain("x"));
  await c.focused();
  assert.deepEqual(changes, [["x", true]]);
});

test("a paste sends the clipboard first, by the event, by reading, or not at all", async () => {
  const readable = { readable: () => true, read: () => Promise.resolve(plain("read")) };
  const pasted = (text: string) => (c: Clipboard) => c.pasted(Promise.resolve(plain(text)));
  const cases: [string, Partial<SystemClipboard>, (c: Clipboard, clock: FakeClock) => void, string[]][] = [
    ["event", {}, pasted("pasted"), ["pasted"]],
    ["read", readable, () => {}, ["read"]],
    ["read rather than event", readable, pasted("pasted"), ["read"]],
    ["event where reading fails", { readable: () => true }, pasted("pasted"), ["pasted"]],
    ["neither", {}, (_, clock) => clock.turn(100), []],
    ["never read", { readable: () => true, read: () => new Promise(() => {}) }, (_, clock) => clock.turn(1000), []],
    ["empty", {}, pasted(""), []],
  ];
  for (const [what, system, act, want] of cases) {
    const { clipboard: c, clock, texts } = clipboard(system);
    let ready = false;
    void c.beforePaste().then(() => (ready = true));
    await Promise.resolve();
    act(c, clock);
    await settle();
    assert.ok(ready, what);
    assert.deepEqual(texts(), want, what);
  }
});

test("a paste waits until the desktop has it, and what is on its way is not sent again", async () => {
  const { clipboard: c, state, texts, paste } = clipboard();
  let arrive = (_: boolean) => {};
  state.there = new Promise((resolve) => (arrive = resolve));
  let ready = false;
  void c.beforePaste().then(() => (ready = true));
  await Promise.resolve();
  await paste("long");
  void c.beforePaste();
  await paste("long");
  assert.deepEqual([ready, texts()], [false, ["long"]]);
  arrive(true);
  await settle();
  assert.ok(ready);
});

test("what the desktop has copied is not replaced by what the browser had before", async () => {
  const browser = { text: "B", writable: false };
  const { clipboard: c, texts, paste } = clipboard({
    readable: () => true,
    read: async () => plain(browser.text),
    write: async ({ text }) => {
      if (!browser.writable) throw new Error("no focus");
      browser.text = text;
    },
  });
  await paste("B");
  await c.fromDesktop(plain("A"));
  await paste("B");
  await c.beforePaste();
  await c.focused();
  assert.deepEqual(texts(), ["B"]);
  browser.writable = true;
  await c.focused();
  assert.equal(browser.text, "A", "the focus brings it to the browser");
  await paste("A");
  assert.deepEqual(texts(), ["B"]);
  await paste("B");
  assert.deepEqual(texts(), ["B", "B"], "copied anew");
});

test("a text fetched in the page is no news when it is pasted later", async () => {
  const { clipboard: c, sent, paste } = clipboard(refusing);
  await c.fromDesktop(plain("A"));
  c.copied(plain("A"));
  await c.fromDesktop(plain("C"));
  await paste("A");
  assert.deepEqual(sent, []);
});

test("the same text goes again when the desktop may have lost it, or has not got it", async () => {
  const { clipboard: c, texts, state, paste } = clipboard(refusing);
  state.live = false;
  await paste("B");
  assert.deepEqual([texts(), c.content], [[], NOTHING]);
  state.live = true;
  await paste("B");
  c.forget();
  await paste("B");
  await paste("B");
  assert.deepEqual(texts(), ["B", "B"]);
  await c.fromDesktop(plain("A"));
  c.forget();
  await c.fromDesktop(plain("A"));
  await paste("B");
  assert.deepEqual(texts(), ["B", "B"], "the desktop has told that it still has the newer one");
});

test("the person may send the same text again", async () => {
  const { clipboard: c, texts } = clipboard();
  assert.ok((await c.share(plain("x"))) && (await c.share(plain("x"))));
  assert.ok(!(await c.share(NOTHING)));
  assert.deepEqual(texts(), ["x", "x"]);
});

test("switched off, nothing is shared by itself, and the panel still works", async () => {
  const { clipboard: c, texts, state, changes, paste } = clipboard({ readable: () => true, read: async () => plain("read") });
  c.on = false;
  await c.fromDesktop(plain("A"));
  await c.gesture();
  await c.focused();
  await c.beforePaste();
  await paste("B");
  assert.deepEqual([texts(), state.written, changes], [[], NOTHING, [["A", false]]]);
  assert.ok(await c.share(plain("by hand")));
  assert.equal(c.content.text, "by hand");
});

test("where a later text is not taken, the gesture that copies asks for it", async () => {
  let taken = "";
  const system = { ...refusing, writeLater: async (text: Promise<string>) => void (taken = await text) };
  const { clipboard: c, clock, changes } = clipboard(system);
  c.copying();
  await c.fromDesktop(plain("copied"));
  await settle();
  assert.deepEqual([taken, changes], ["copied", [["copied", false]]]);
  taken = "";
  c.copying();
  clock.turn(3000);
  await settle();
  await c.fromDesktop(plain("too late"));
  assert.deepEqual([taken, changes.at(-1)], ["", ["too late", true]]);
});

test("a content survives its way", () => {
  for (const content of [plain("a"), { text: "\ufeffé", html: "<p>世界", picture: picture("x") }, image("x")]) {
    assert.ok(equal(unpack(pack(content)), content), content.text);
  }
  assert.deepEqual(pack(NOTHING), []);
  assert.deepEqual(unpack([{ mime: "text/uri-list", bytes: picture("") }]), NOTHING);
});
