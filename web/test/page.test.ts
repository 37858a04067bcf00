import assert from "node:assert/strict";
import { test } from "node:test";
import { Clipboard, type SystemClipboard } from "../src/clipboard.ts";
import { linkOf, socketURL, takeSecrets } from "../src/http.ts";
import { readOptions } from "../src/options.ts";
import { parse } from "../src/protocol.ts";
import { sessionID } from "../src/rtc.ts";
import { staleVersion } from "../src/version.ts";
import { FakeClock, settle } from "./fakes.ts";

test("what the server leaves out is zero", () => {
  assert.deepEqual(parse('{"type":"offer"}'), {
    type: "offer",
    sdp: "",
    generation: 0,
    ice: { iceServers: [], iceTransportPolicy: "all" },
  });
  assert.deepEqual(parse('{"type":"cursor","serial":3}'), { type: "cursor", serial: 3, hotX: 0, hotY: 0, x: 0, y: 0, image: null });
  assert.deepEqual(parse('{"type":"cursor","image":""}'), { type: "cursor", serial: 0, hotX: 0, hotY: 0, x: 0, y: 0, image: "" });
  assert.deepEqual(parse('{"type":"bye","args":["a",1],"retry":"yes"}'), {
    type: "bye",
    code: "",
    args: ["a"],
    retry: false,
  });
  assert.deepEqual(parse('{"type":"encoding","codec":"h264-444","encoder":"x264","maxFPS":15,"code":"slow","gpu":{"code":"no-gpu"}}'), {
    type: "encoding",
    encoding: { codec: "h264-444", encoder: "x264", speed: 0, maxFPS: 15, scale: 1, reason: "slow", gpu: { code: "no-gpu", args: [] } },
  });
  assert.deepEqual(parse('{"type":"gpus","gpus":[7,{"name":"T4","busy":"no","sessions":-1}]}'), {
    type: "gpus",
    gpus: [{ name: "T4", memoryUsed: 0, memoryTotal: 0, busy: 0, encoding: 0, sessions: -1, throttled: "" }],
  });
  assert.deepEqual(parse('{"type":"gpus"}'), { type: "gpus", gpus: [] });
  const told = parse('{"type":"hello","codecs":["vp8","av1","h264"]}');
  assert.deepEqual(told?.type === "hello" && told.codecs, ["vp8", "h264"]);
  const hello = parse('{"type":"hello","allow":["video"],"state":"up","width":640,"height":480}');
  assert.ok(hello?.type === "hello");
  assert.deepEqual(
    [hello.allow, hello.display.state, hello.width, hello.height],
    [["video"], "up", 640, 480],
  );
});

test("the socket is beside the page, under any base path", () => {
  const cases: [string, string][] = [
    ["http://h:1/", "ws://h:1/ws"],
    ["https://h/notebook/a/b/?resize=off#x", "wss://h/notebook/a/b/ws"],
    ["https://h/lab/index.html", "wss://h/lab/ws"],
  ];
  for (const [page, want] of cases) assert.equal(socketURL(page), want);
});

test("the secrets leave the address bar", () => {
  const cases: [string, string, string, string][] = [
    ["#token=abc", "abc", "", "/p/?q=1"],
    ["#a=1&token=abc", "abc", "", "/p/?q=1#a=1"],
    ["#token=", "", "", "/p/?q=1"],
    ["#view=abc", "", "abc", "/p/?q=1"],
    ["#view=abc&b=2&token=d", "d", "abc", "/p/?q=1#b=2"],
  ];
  for (const [hash, token, view, left] of cases) {
    let shown = "";
    const history = { state: null, replaceState: (_: unknown, __: string, url: string) => (shown = url) };
    const location = { hash, pathname: "/p/", search: "?q=1" };
    assert.deepEqual(takeSecrets(location as Location, history as unknown as History), { token, view });
    assert.equal(shown, left);
  }
  assert.equal(linkOf("s-_", "https://h/user/a/?resize=off&lang=fr#x"), "https://h/user/a/#view=s-_");
});

test("options are read, and nonsense is not", () => {
  const nothing = { settings: {}, vnc: false };
  assert.deepEqual(readOptions(""), nothing);
  assert.deepEqual(readOptions("?resize=huge&codec=../x&stats=yes&lang=tlh&transport=pigeon&__proto__=1"), nothing);
  assert.deepEqual(readOptions("?resize=&codec=&transport=&stats=&lang="), nothing);
  assert.deepEqual(readOptions("?resize=off&codec=VP8&transport=webrtc&stats=1&lang=fr-CA&theme=dark"), {
    settings: { resize: "off", codec: "vp8", transport: "webrtc", stats: true, language: "fr" },
    vnc: false,
  });
  assert.deepEqual(readOptions("?codec=auto&transport=auto&stats=0"), {
    settings: { codec: "", transport: "auto", stats: false },
    vnc: false,
  });
  assert.deepEqual(readOptions("?transport=vnc"), { settings: {}, vnc: true });
});

test("the page reloads once for each version of the server", () => {
  const stored = new Map<string, string>();
  const storage = () => ({
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => void stored.set(key, value),
  });
  assert.equal(staleVersion("a", "a", storage), false);
  assert.equal(staleVersion("", "a", storage), false);
  assert.equal(staleVersion("b", "a", storage), true);
  assert.equal(staleVersion("b", "a", storage), false);
  assert.equal(staleVersion("c", "a", storage), true);
  const full = () => ({ getItem: () => null, setItem: () => { throw new Error("full"); } });
  assert.equal(staleVersion("d", "a", full), false);
  const blocked = () => { throw new Error("SecurityError"); };
  assert.equal(staleVersion("d", "a", blocked), false);
});

test("another session id is another peer connection", () => {
  assert.equal(sessionID("v=0\r\no=- 4215775240449105457 2 IN IP4 0.0.0.0\r\ns=-"), "4215775240449105457");
  assert.equal(sessionID("nonsense"), "");
});

function clipboard(system: Partial<SystemClipboard> | null = {}) {
  const clock = new FakeClock();
  const sent: string[] = [];
  const changes: [string, boolean][] = [];
  const state = { large: 0, written: "", live: true };
  const made = new Clipboard(
    clock,
    system && {
      asked: Promise.resolve(),
      readable: () => false,
      read: () => Promise.reject(new Error("no")),
      write: async (text) => void (state.written = text),
      ...system,
    },
    {
      send: (text) => state.live && sent.push(text) > 0,
      sent: () => Promise.resolve(),
      changed: (text, offered) => changes.push([text, offered]),
      tooLarge: () => state.large++,
    },
  );
  return { clock, sent, changes, state, clipboard: made };
}

test("a text goes each way once, never back", async () => {
  const { clipboard: c, sent, state, changes } = clipboard();
  await c.fromDesktop("one");
  assert.equal(state.written, "one");
  assert.deepEqual(changes, [["one", false]]);
  for (const text of ["one", "two\r\nlines", "two\nlines"]) c.pasted(text);
  state.written = "";
  await c.fromDesktop("two\nlines");
  assert.equal(state.written, "");
  assert.deepEqual(sent, ["two\nlines"]);
});

test("a text that the browser refuses is offered, and written at the next gesture", async () => {
  const allowed = { now: false };
  let written = "";
  const write = async (text: string) => {
    if (!allowed.now) throw new Error("no gesture");
    written = text;
  };
  const { clipboard: c, changes } = clipboard({ write });
  await c.fromDesktop("x");
  allowed.now = true;
  await c.gesture();
  assert.equal(written, "x");
  assert.deepEqual(changes, [["x", true], ["x", false]]);
  written = "";
  await c.gesture();
  assert.equal(written, "", "once");
});

test("without a clipboard API everything is offered", async () => {
  const { clipboard: c, changes } = clipboard(null);
  await c.fromDesktop("x");
  await c.focused();
  assert.deepEqual(changes, [["x", true]]);
});

test("a paste sends the clipboard first, by the event, by reading, or not at all", async () => {
  const readable = { readable: () => true, read: () => Promise.resolve("read") };
  const cases: [string, Partial<SystemClipboard>, (c: Clipboard, clock: FakeClock) => void, string[]][] = [
    ["event", {}, (c) => c.pasted("pasted"), ["pasted"]],
    ["read", readable, () => {}, ["read"]],
    ["neither", {}, (_, clock) => clock.turn(100), []],
    ["empty", {}, (c) => c.pasted(""), []],
  ];
  for (const [name, system, act, want] of cases) {
    const { clipboard: c, clock, sent } = clipboard(system);
    let ready = false;
    void c.beforePaste().then(() => (ready = true));
    await Promise.resolve();
    act(c, clock);
    await settle();
    assert.ok(ready, name);
    assert.deepEqual(sent, want, name);
  }
});

test("more than 1 MiB in UTF-8 is not sent", () => {
  const { clipboard: c, sent, state } = clipboard();
  assert.ok(c.share("x".repeat(1 << 20)));
  assert.ok(!c.share("é".repeat((1 << 19) + 1)));
  assert.equal(sent.length, 1);
  assert.equal(state.large, 1);
});

test("what the desktop has copied is not replaced by what the browser had before", async () => {
  const browser = { text: "B", writable: false };
  const { clipboard: c, sent } = clipboard({
    asked: Promise.resolve(),
    readable: () => true,
    read: async () => browser.text,
    write: async (text) => {
      if (!browser.writable) throw new Error("no focus");
      browser.text = text;
    },
  });
  c.pasted("B");
  await c.fromDesktop("A");
  c.pasted("B");
  await c.beforePaste();
  await c.focused();
  assert.deepEqual(sent, ["B"]);
  browser.writable = true;
  await c.focused();
  assert.equal(browser.text, "A", "the focus brings it to the browser");
  c.pasted("A");
  assert.deepEqual(sent, ["B"]);
  c.pasted("B");
  assert.deepEqual(sent, ["B", "B"], "copied anew");
});

test("a text fetched in the page is no news when it is pasted later", async () => {
  const { clipboard: c, sent } = clipboard(null);
  await c.fromDesktop("A");
  c.copied("A");
  await c.fromDesktop("C");
  c.pasted("A");
  assert.deepEqual(sent, []);
});

test("the same text goes again when the desktop may have lost it, or has not got it", async () => {
  const { clipboard: c, sent, state } = clipboard(null);
  state.live = false;
  c.pasted("B");
  assert.deepEqual([sent, c.text], [[], ""]);
  state.live = true;
  c.pasted("B");
  c.forget();
  c.pasted("B");
  c.pasted("B");
  assert.deepEqual(sent, ["B", "B"]);
  await c.fromDesktop("A");
  c.forget();
  await c.fromDesktop("A");
  c.pasted("B");
  assert.deepEqual(sent, ["B", "B"], "the desktop has told that it still has the newer one");
});

test("the person may send the same text again", () => {
  const { clipboard: c, sent } = clipboard();
  assert.ok(c.share("x") && c.share("x"));
  assert.ok(!c.share(""));
  assert.deepEqual(sent, ["x", "x"]);
});
