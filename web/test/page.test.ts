import assert from "node:assert/strict";
import { test } from "node:test";
import { linkOf, socketURL, takeSecrets } from "../src/http.ts";
import { readOptions } from "../src/options.ts";
import { parse } from "../src/protocol.ts";
import { sessionID } from "../src/rtc.ts";
import { partMissing, staleVersion } from "../src/version.ts";

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
  assert.deepEqual(parse('{"type":"processes","processes":[7,{"name":"session","state":"retrying","since":5,"lines":["no",7],"needed":true},{"state":"later"}]}'), {
    type: "processes",
    processes: [
      { name: "session", state: "retrying", since: 5, restarts: 0, error: "", lines: ["no"], needed: true },
      { name: "", state: "waiting", since: 0, restarts: 0, error: "", lines: [], needed: false },
    ],
  });
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
    const rest = { key: "", share: "", code: "", refused: "" };
    assert.deepEqual(takeSecrets(location as Location, history as unknown as History), { ...rest, token, view });
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
  // That a part cannot be had is another matter than that the server has another build.
  assert.equal(partMissing("c", storage), true);
  assert.equal(partMissing("c", storage), false);
  assert.equal(partMissing("d", blocked), false);
});

test("another session id is another peer connection", () => {
  assert.equal(sessionID("v=0\r\no=- 4215775240449105457 2 IN IP4 0.0.0.0\r\ns=-"), "4215775240449105457");
  assert.equal(sessionID("nonsense"), "");
});
