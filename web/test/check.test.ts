import assert from "node:assert/strict";
import { test } from "node:test";
import { isDirect, kindOf, manner, mirrors, place, relays, withoutCandidates } from "../check/candidate.ts";
import { examine, fail, ok, skip, verdict, warn, type Finding, type Rung } from "../check/finding.ts";
import { Line, Silence, type Wire } from "../check/line.ts";
import { report } from "../check/report.ts";
import { checkLarge } from "../check/socket.ts";
import { measure } from "../check/trips.ts";
import { Way } from "../check/way.ts";
import { catalogues, CheckWords } from "../check/words.ts";
import { catalogues as common, FakeClock, settle } from "./fakes.ts";

test("both languages have the same words with the same arguments, set as they are set", () => {
  const { en, fr } = catalogues;
  assert.deepEqual(Object.keys(fr), Object.keys(en));
  const places = (text: string) => [...new Set(text.match(/\{\d\}/g) ?? [])].sort();
  for (const [key, text] of Object.entries(en)) {
    assert.deepEqual(places(fr[key as keyof typeof en]), places(text), key);
  }
  for (const [key, text] of Object.entries(fr)) {
    assert.ok(text.trim() && !/'/.test(text), key);
    assert.ok(!/(^|[^\u00a0\u202f])[:;!?]( |$)/.test(text), `${key}: no-break space before : ; ! ?`);
  }
});

test("what is to be changed is said to both, and only of what is found", () => {
  const codes = Object.keys(catalogues.en).flatMap((key) => (key.startsWith("found.") ? [key.slice("found.".length)] : []));
  const remedies = Object.keys(catalogues.en).filter((key) => /\.(you|admin)$/.test(key));
  for (const key of remedies) {
    const [code = "", who] = key.split(".");
    assert.ok(codes.includes(code), key);
    assert.ok(remedies.includes(`${code}.${who === "you" ? "admin" : "you"}`), key);
  }
  const words = new CheckWords("en", common.en);
  for (const code of codes) {
    const count = words.remedies(fail(code)).length;
    assert.equal(count, /-(ok|all|some|ask|paste|off|none|login|socket|webrtc)$/.test(code) && count === 0 ? 0 : 2, code);
  }
});

test("numbers and codes are put into words", () => {
  assert.equal(new CheckWords("fr", common.fr).found(ok("trip-ok", 1.25, 1234.5)), "1,3\u00a0ms\u00a0; neuf sur dix en moins de 1\u202f235\u00a0ms.");
  assert.equal(new CheckWords("en", common.en).found(ok("page-ok", 2)), "Answers in 2\u00a0ms.");
  assert.equal(new CheckWords("en", common.en).found(fail("vnc-closed", "vnc-missing")), "The server has no VNC for this display.");
});

test("the report names machines only when asked to", () => {
  const words = new CheckWords("en", common.en);
  const found = new Map<Rung, Finding[]>([
    ["udp", [{ ...ok("direct-ok", 30, "host – host", 1, 2), detail: "10.0.0.7:5 – 192.0.2.1:6" }]],
    ["turn", [{ ...fail("turn-refused", "TURN/UDP", "401"), detail: "turn:turn.example:3478" }]],
  ]);
  const about = { at: "2026-01-02T03:04:05Z", version: "v", browser: "B", page: "https://hub.example/user/alice/" };
  const plain = report(words, "Verdict.", found, about, false);
  for (const secret of ["10.0.0.7", "192.0.2.1", "example", "alice"]) assert.ok(!plain.includes(secret), secret);
  assert.ok(/^\[fail\] TURN: TURN\/UDP: refuses the credentials \(401\)\.\n {7}For you: .+\n {7}For the platform’s administrator: /m.test(plain), plain);
  const full = report(words, "Verdict.", found, about, true);
  for (const name of ["10.0.0.7:5", "turn.example", "/user/alice/"]) assert.ok(full.includes(name), name);
});

test("the best way that works is the verdict", () => {
  const cases: [Partial<Record<Rung, Finding>>, string][] = [
    [{ udp: ok(""), tcp: ok(""), pictures: ok("") }, "udp"],
    [{ udp: warn(""), tcp: ok("") }, "tcp"],
    [{ udp: fail(""), turn: ok(""), tcp: ok("") }, "turn"],
    [{ udp: fail(""), pictures: ok(""), codecs: ok("") }, "ws"],
    [{ udp: skip(""), pictures: ok(""), codecs: warn("") }, "jpeg"],
    [{ pictures: fail(""), vnc: ok("") }, "vnc"],
    [{ page: fail("") }, "none"],
  ];
  for (const [found, want] of cases) {
    const map = new Map(Object.entries(found).map(([rung, finding]) => [rung as Rung, [finding]]));
    assert.equal(verdict(map), want, JSON.stringify(found));
  }
});

test("one check after the other, until it is stopped", async () => {
  const stop = new AbortController();
  const log: string[] = [];
  const check = (rung: Rung) => ({ rung, run: async () => (log.push(`run ${rung}`), [ok("page-ok")]) });
  await examine([check("page"), check("login"), check("socket")], stop.signal, {
    begun: (rung) => log.push(`begun ${rung}`),
    found: (rung) => (log.push(`found ${rung}`), rung === "login" && stop.abort()),
  });
  assert.deepEqual(log, ["begun page", "run page", "found page", "begun login", "run login", "found login"]);
});

test("candidates are told apart", () => {
  const udp = "candidate:1 1 UDP 2130706431 10.0.0.7 50000 typ host";
  const tcp = "candidate:2 1 tcp 1671430143 10.0.0.7 443 typ host tcptype passive";
  const relay = "candidate:3 1 udp 5 192.0.2.1 49160 typ relay raddr 0.0.0.0 rport 0";
  assert.deepEqual(kindOf(udp), { protocol: "udp", type: "host" });
  for (const text of ["", "candidate:", "candidate:1 1 udp 5 a 6 host"]) assert.equal(kindOf(text), null, text);
  assert.deepEqual([udp, tcp, relay].map((text) => isDirect(text, "udp")), [true, false, false]);
  assert.deepEqual([udp, tcp, relay].map((text) => isDirect(text, "tcp")), [false, true, false]);
  const { sdp, candidates } = withoutCandidates(`v=0\r\na=${udp}\r\na=mid:0\r\na=end-of-candidates\r\n`);
  assert.deepEqual([sdp, candidates], ["v=0\r\na=mid:0\r\n", [udp]]);
});

test("where a candidate is, as far as the browser tells", () => {
  const got = [place("192.0.2.1", 6), place("fd00::2", 6), place("a.local", 6), place("", 6), place(undefined, undefined), place(null, 6)];
  assert.deepEqual(got, ["192.0.2.1:6", "[fd00::2]:6", "a.local:6", "?:6", "?:?", "?:6"]);
});

test("each TURN URL is a server of its own, with its credentials", () => {
  const servers = [
    { urls: "stun:a" },
    { urls: ["turn:b?transport=tcp", "stun:b", "turns:b:443"], username: "u", credential: "c" },
  ];
  assert.deepEqual(relays(servers), [
    { urls: "turn:b?transport=tcp", username: "u", credential: "c" },
    { urls: "turns:b:443", username: "u", credential: "c" },
  ]);
  assert.deepEqual(mirrors(servers), [{ urls: "stun:a" }, { urls: "stun:b" }]);
  const cases: [string, string][] = [
    ["turn:[2001:db8::1]:3478", "TURN/UDP"],
    ["turn:b?transport=tcp", "TURN/TCP"],
    ["turns:b?transport=tcp", "TURN/TLS"],
    ["turns:b", "TURN/TLS"],
    ["turns:b?transport=udp", "TURN/DTLS"],
  ];
  for (const [url, want] of cases) assert.equal(manner(url), want);
});

/** Echoes each probe after a delay that may depend on when it was sent. */
async function tripsBy(delay: (at: number, number: number) => number) {
  const clock = new FakeClock();
  let hear = (_: unknown) => {};
  const done = measure(clock, {
    send: (probe) => {
      const after = delay(clock.now(), probe[8] ?? 0);
      if (after >= 0) clock.after(after, () => hear(probe.buffer));
    },
    listen: (fn) => ((hear = fn), () => {}),
  });
  for (let i = 0; i < 5000; i++) {
    clock.turn(1);
    await settle();
  }
  return done;
}

test("round trips: the middle, nine of ten, what is lost, what comes in clumps", async () => {
  const even = await tripsBy((_, number) => (number < 3 ? 40 : 10));
  assert.deepEqual(even, { sent: 20, lost: 0, p50: 10, p90: 40, clumped: false });
  const lossy = await tripsBy((_, number) => (number % 4 === 0 ? -1 : 10));
  assert.deepEqual([lossy.lost, lossy.p50], [5, 10]);
  assert.equal((await tripsBy((at) => 200 - (at % 200))).clumped, true);
  const none = await tripsBy(() => -1);
  assert.equal(none.lost, 20);
});

test("how fast large messages pass, where that can be told", async () => {
  const found = async (...delays: number[]) => {
    const clock = new FakeClock();
    const answer = (data: string) => {
      if (data.includes('"ping"')) clock.after(delays.shift() ?? 0, () => wire.onmessage?.({ data: data.replace("ping", "pong") }));
    };
    const wire: Wire = { binaryType: "", onopen: null, onmessage: null, onclose: null, send: (data) => answer(String(data)), close: () => {} };
    const browser = { clock, fetch: () => Promise.reject(new Error("no")), connect: () => wire };
    const way = new Way(browser, { version: "v", lang: "en", key: "", share: "" }, new AbortController().signal);
    way.line = way.open("ws");
    const done = checkLarge(way);
    for (let i = 0; i < 100; i++) {
      clock.turn(1);
      await settle();
    }
    return done;
  };
  assert.deepEqual(await found(10, 30), ok("large-ok", 64, (4 * 64 * 1024 * 8) / 20 / 1000));
  for (const full of [1, 10, 11]) assert.deepEqual(await found(10, full), ok("large-fast-ok", 64));
});

/** Why a message that never comes does not come. */
const silence = (line: Line): Promise<Silence> => line.wait<never>(100, () => undefined).catch((error: Silence) => error);

test("a line gives what is waited for, or says why there is none", async () => {
  const clock = new FakeClock();
  const sent: unknown[] = [];
  const wire: Wire = { binaryType: "", onopen: null, onmessage: null, onclose: null, send: (data) => sent.push(data), close: () => {} };
  const line = new Line(clock, wire);
  const opened = line.opened(100);
  clock.turn(7);
  wire.onopen?.();
  assert.equal(await opened, 7);
  const second = line.wait(100, (data) => (data === "b" ? data : undefined));
  for (const data of ["a", "b"]) wire.onmessage?.({ data });
  assert.equal(await second, "b");
  const late = silence(line);
  const stays = line.ended(50);
  clock.turn(100);
  assert.equal(await stays, null);
  assert.equal((await late).why, "late");
  const cut = silence(line);
  wire.onclose?.({ code: 4001, reason: "vnc-off" });
  const { why, reason } = await cut;
  assert.deepEqual([why, reason], ["ended", "vnc-off"]);
  assert.equal((await line.ended(100))?.code, 4001);
  line.send("too late");
  assert.deepEqual(sent, []);
});
