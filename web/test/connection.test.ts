import assert from "node:assert/strict";
import { test } from "node:test";
import { Backoff } from "../src/backoff.ts";
import { Connection, type LinkState, type Socket } from "../src/connection.ts";
import type { ServerMessage } from "../src/protocol.ts";
import { FakeChannel, FakeClock, settle } from "./fakes.ts";

class FakeSocket implements Socket {
  binaryType = "";
  bufferedAmount = 0;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: (() => void) | null = null;
  sent: Record<string, unknown>[] = [];
  closed = false;

  send(data: string | Uint8Array): void {
    if (typeof data === "string") this.sent.push(JSON.parse(data));
  }

  close(): void {
    this.closed = true;
  }

  say(message: Record<string, unknown>): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
}

function connection(status = 0) {
  const clock = new FakeClock();
  const wall = { ahead: 0 };
  const greet = { with: (tell: () => void): unknown => tell() };
  const sockets: FakeSocket[] = [];
  const states: LinkState[] = [];
  const messages: ServerMessage[] = [];
  const made = new Connection(
    {
      clock,
      wall: () => wall.ahead + clock.now(),
      backoff: new Backoff(500, 15_000, () => 0),
      open: () => {
        const socket = new FakeSocket();
        sockets.push(socket);
        return socket;
      },
      session: () => Promise.resolve({ status, code: "", methods: [] }),
    },
    (tell) => greet.with(() => tell({ type: "hello", version: "v", lang: "fr", transport: "webrtc" })),
    { state: (state) => states.push(state), message: (message) => messages.push(message), binary: () => {} },
  );
  const last = () => sockets.at(-1) ?? new FakeSocket();
  const names = () => states.map(({ name }) => name);
  const open = () => {
    made.connect();
    last().onopen?.();
    last().say({ type: "hello", version: "v" });
  };
  return { clock, wall, greet, sockets, states, messages, connection: made, last, names, open };
}

test("hello is first, and opens", () => {
  const { open, last, names, messages } = connection();
  open();
  const { page, attempt, ...hello } = last().sent[0] ?? {};
  assert.deepEqual(hello, { type: "hello", version: "v", lang: "fr", transport: "webrtc" });
  assert.ok(/^[0-9a-f]{32}$/.test(String(page)), "a name that nobody guesses");
  assert.equal(attempt, 1);
  assert.deepEqual(names(), ["connecting", "open"]);
  assert.equal(messages[0]?.type, "hello");
});

test("a hello that is not known yet follows, unless the socket has gone meanwhile", () => {
  const { connection: c, greet, last, names } = connection();
  const known: (() => void)[] = [];
  greet.with = (tell) => known.push(tell);
  c.connect();
  const first = last();
  first.onopen?.();
  assert.deepEqual(first.sent, []);
  c.connect();
  last().onopen?.();
  for (const tell of known) tell();
  assert.deepEqual(first.sent, []);
  assert.deepEqual(last().sent.map(({ type, attempt }) => [type, attempt]), [["hello", 1]]);
  last().say({ type: "hello", version: "v" });
  assert.equal(names().at(-1), "open");
});

test("pauses double from half a second to fifteen, and begin anew after a hello", async () => {
  const { clock, connection: c, sockets, states, last, open } = connection();
  c.connect();
  const pauses: number[] = [];
  for (let i = 0; i < 8; i++) {
    last().onclose?.();
    await settle();
    const state = states.at(-1);
    assert.equal(state?.name, "waiting");
    if (state?.name !== "waiting") return;
    const pause = state.until - clock.now();
    pauses.push(pause);
    clock.turn(pause - 1);
    assert.equal(sockets.length, i + 1, "not before its time");
    clock.turn(1);
    assert.equal(sockets.length, i + 2);
  }
  assert.deepEqual(pauses, [500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000]);
  open();
  last().say({ type: "bye", code: "shutdown", retry: true });
  const state = states.at(-1);
  assert.equal(state?.name === "waiting" && state.until - clock.now(), 500);
});

test("a pause is shortened by up to a quarter, at random", () => {
  assert.equal(new Backoff(1000, 2000, () => 1).next(), 750);
  assert.equal(new Backoff(1000, 2000, () => 0.5).next(), 875);
});

test("a poke while waiting connects at once", () => {
  const { connection: c, sockets, last } = connection();
  c.connect();
  last().onclose?.();
  c.poke();
  assert.equal(sockets.length, 2);
});

test("a poke while connecting makes another attempt, after a while and if the first is stuck", () => {
  const { clock, connection: c, sockets, last, names } = connection();
  c.connect();
  c.poke();
  clock.turn(399);
  c.poke();
  clock.turn(399);
  assert.equal(sockets.length, 1);
  clock.turn(1);
  assert.equal(sockets.length, 2);
  assert.ok(sockets[0]?.closed);
  c.poke();
  last().onopen?.();
  last().say({ type: "hello", version: "v" });
  clock.turn(400);
  assert.equal(sockets.length, 2, "it has come through");
  assert.equal(names().at(-1), "open");
});

test("a refused socket leads to the login when the server wants a token", async () => {
  const { clock, connection: c, sockets, last, names } = connection(401);
  c.connect();
  last().onclose?.();
  await settle();
  assert.equal(names().at(-1), "login");
  clock.turn(60_000);
  assert.equal(sockets.length, 1, "no attempts meanwhile");
});

test("a socket that is refused while the server answers is said to be, the second time", async () => {
  const reasonOf = (state?: LinkState) => (state?.name === "waiting" ? (state.reason?.code ?? null) : state?.name);
  for (const [status, want] of [[200, "socket-refused"], [403, "socket-refused"], [0, null], [502, null]] as const) {
    const { clock, connection: c, sockets, last, states, open } = connection(status);
    c.connect();
    last().onclose?.();
    await settle();
    assert.equal(reasonOf(states.at(-1)), null, "it may be a server that was just starting");
    clock.turn(500);
    last().onclose?.();
    await settle();
    assert.equal(reasonOf(states.at(-1)), want, String(status));
    clock.turn(1000);
    assert.equal(sockets.length, 3, "further attempts are made");
    open();
    last().onclose?.();
    clock.turn(1000);
    assert.equal(reasonOf(states.at(-1)), null);
  }
});

test("bye ends it, or brings the page back", () => {
  for (const [retry, want] of [[true, "waiting"], [false, "ended"]] as const) {
    const { clock, open, last, states, sockets } = connection();
    open();
    last().say({ type: "bye", code: "shutdown", retry });
    const state = states.at(-1);
    assert.equal(state?.name, want);
    assert.equal((state?.name === "waiting" || state?.name === "ended") && state.reason?.code, "shutdown");
    assert.ok(last().closed);
    clock.turn(60_000);
    assert.equal(sockets.length > 1, retry);
  }
});

test("beside a silent socket fresh ones are tried every 400 ms; the first to open takes over", () => {
  const { clock, open, sockets, states, names, connection: c } = connection();
  open();
  clock.turn(1000);
  const old = sockets[0];
  assert.equal(sockets.length, 2, "a ping has been without an answer for too long");
  clock.turn(1199);
  assert.equal(sockets.length, 4);
  assert.deepEqual([old?.closed, sockets[1]?.closed, sockets[2]?.closed], [false, true, true]);
  assert.equal(names().at(-1), "open", "the old one may come back");
  sockets[3]?.onopen?.();
  assert.ok(old?.closed);
  assert.equal(names().at(-1), "resuming");
  assert.equal(c.channel, null, "nothing is sent before the hello");
  assert.deepEqual(sockets[3]?.sent.map(({ type, page, attempt }) => [type, page === old?.sent[0]?.page, attempt]), [["hello", true, 2]]);
  sockets[3]?.say({ type: "hello", version: "v" });
  assert.deepEqual(states.at(-1), { name: "open" });
  clock.turn(900);
  assert.equal(sockets.length, 4);
});

test("a sign of life of the old socket ends the attempts", () => {
  const { clock, open, sockets, names } = connection();
  open();
  clock.turn(1500);
  sockets[0]?.say({ type: "pong", t: 1000, now: 1 });
  const tried = sockets.length;
  assert.ok(tried > 1 && sockets.at(-1)?.closed);
  clock.turn(400);
  assert.equal(sockets.length, tried);
  assert.equal(names().at(-1), "open");
});

test("a handshake is given as many round trips as it takes", () => {
  const { clock, open, sockets } = connection();
  open();
  clock.turn(300);
  for (const t of [0, 100, 250]) sockets[0]?.say({ type: "pong", t, now: 1 });
  // The shortest was 50 ms; make it 200 by a second socket.
  open();
  clock.turn(200);
  sockets[1]?.say({ type: "pong", t: clock.now() - 200, now: 1 });
  clock.turn(1800);
  assert.equal(sockets.length, 3);
  clock.turn(1199);
  assert.equal(sockets.length, 3);
  clock.turn(1);
  assert.equal(sockets.length, 4);
});

test("a socket that ends is replaced at once; after a second it is said, after a minute taken easily", async () => {
  const { clock, open, last, sockets, states, names } = connection();
  open();
  last().onclose?.();
  assert.deepEqual([sockets.length, names().at(-1)], [2, "resuming"]);
  clock.turn(999);
  assert.equal(names().at(-1), "resuming");
  clock.turn(1);
  const state = states.at(-1);
  assert.ok(state?.name === "waiting" && state.until <= clock.now());
  for (let second = 1; second < 60; second++) {
    last().onclose?.();
    await settle();
    clock.turn(1000);
  }
  const eased = states.at(-1);
  assert.ok(eased?.name === "waiting" && eased.until > clock.now(), "pauses grow from now on");
});

test("a fresh socket that the server refuses is explained", async () => {
  for (const [status, want] of [[401, "login"], [502, "waiting"], [0, "resuming"]] as const) {
    const { open, last, names, connection: c, sockets, clock } = connection(status);
    open();
    last().onclose?.();
    last().onclose?.();
    await settle();
    assert.equal(names().at(-1), want);
    const tried = sockets.length;
    clock.turn(400);
    assert.equal(sockets.length - tried, want === "resuming" ? 1 : 0);
    assert.equal(c.channel, null);
  }
});

test("a server that has gone silent is left after five seconds, and looked for", () => {
  const { clock, open, sockets, names } = connection();
  open();
  clock.turn(4999);
  assert.equal(names().at(-1), "open");
  assert.ok(!sockets[0]?.closed);
  clock.turn(1001);
  assert.ok(sockets[0]?.closed);
  clock.turn(1000);
  assert.ok(names().includes("waiting"));
});

test("after a sleep the socket has to show at once that it lives", () => {
  const { clock, wall, open, sockets, names } = connection();
  open();
  clock.turn(500);
  for (const t of [0, 100, 250, 500]) sockets[0]?.say({ type: "pong", t, now: 1 });
  wall.ahead = 3_600_000;
  clock.turn(500);
  assert.equal(sockets[0]?.sent.filter(({ type }) => type === "ping").at(-1)?.t, 1000);
  assert.equal(sockets.length, 1);
  clock.turn(499);
  assert.equal(sockets.length, 1);
  clock.turn(1);
  assert.equal(sockets.length, 2);
  assert.equal(names().at(-1), "open");
});

test("a large message on a slow link is not taken for silence", () => {
  const cases: [string, number, (socket: FakeSocket, second: number) => void, number][] = [
    ["what is sent leaves the socket", 0, (socket, second) => (socket.bufferedAmount = 1e6 - 2e4 * second), 30],
    ["something comes in", 0, (socket) => socket.onmessage?.({ data: new ArrayBuffer(0) }), 30],
    ["what was sent lies in the system's buffers", 1 << 20, () => {}, 30],
    ["an earlier ping is answered", 1 << 20, (socket, second) => second === 1 && socket.say({ type: "pong", t: 0, now: 1 }), 30],
    ["nothing goes either way", 0, (socket) => (socket.bufferedAmount = 1e6), 6],
    ["nothing for too long", 1 << 20, () => {}, 40],
  ];
  for (const [name, size, pass, seconds] of cases) {
    const { clock, open, last, connection: c, sockets } = connection();
    open();
    const socket = last();
    if (size) c.transmit(new Uint8Array(size));
    for (let second = 1; second <= seconds; second++) {
      pass(socket, second);
      clock.turn(1000);
    }
    assert.equal(sockets[0]?.closed, seconds !== 30, name);
  }
});

test("pongs keep it open and tell the clock", () => {
  const { clock, open, last, connection: c, names } = connection();
  open();
  const socket = last();
  for (let i = 0; i < 30; i++) {
    clock.turn(1000);
    const pings = socket.sent.filter(({ type }) => type === "ping");
    socket.say({ type: "pong", t: pings.at(-1)?.t, now: (clock.now() + 7) * 1000 });
    assert.ok(!c.quiet(500));
  }
  assert.equal(names().at(-1), "open");
  assert.equal(c.serverClock.toPage((clock.now() + 7) * 1000), clock.now());
});

test("flushed waits for the answer to a ping sent after everything else", async () => {
  const { clock, open, last, connection: c } = connection();
  open();
  clock.turn(10);
  let done = false;
  void c.flushed(500).then(() => (done = true));
  last().say({ type: "pong", t: 0, now: 1 });
  await settle();
  assert.ok(!done, "an earlier ping's answer");
  last().say({ type: "pong", t: 10, now: 1 });
  await settle();
  assert.ok(done);
  done = false;
  void c.flushed(500).then(() => (done = true));
  clock.turn(500);
  await settle();
  assert.ok(done, "given up");
});

test("an attempt that comes to nothing is given up", () => {
  const { clock, connection: c, sockets, names } = connection();
  c.connect();
  clock.turn(10_000);
  assert.ok(sockets[0]?.closed);
  assert.equal(names()[1], "waiting");
});

test("garbage is ignored, and the channel is there only while open", () => {
  const { open, last, connection: c, messages, names } = connection();
  assert.equal(c.channel, null);
  open();
  const channel: FakeChannel | Socket | null = c.channel as Socket | null;
  assert.equal(channel, last());
  for (const data of ["", "{", "[]", "null", '{"type":7}', '{"type":"nonsense"}', 5]) last().onmessage?.({ data });
  assert.equal(messages.length, 1);
  assert.equal(names().at(-1), "open");
  c.end({ code: "left", args: [] });
  assert.equal(c.channel, null);
  assert.equal(last().sent.at(-1)?.type, "bye");
});

test("while the network stays away each fresh socket is given longer, and what the browser holds it back", () => {
  const { clock, open, sockets } = connection();
  open();
  const times: number[] = [];
  for (let ms = 0; ms < 57_000; ms += 100) {
    const before = sockets.length;
    clock.turn(100);
    if (sockets.length > before) times.push(clock.now());
  }
  const pauses = times.slice(1).map((at, i) => at - (times[i] ?? 0));
  assert.ok(pauses.slice(0, 7).every((pause) => pause >= 400 && pause <= 500), String(pauses));
  const later = pauses.slice(9); // in between the silent socket is given up
  assert.ok(later.length >= 7 && later.every((pause) => pause >= 5000 && pause <= 10_500), String(later));
  assert.ok((later.at(-1) ?? 0) >= 10_000, "as long as it may be held back, and as long as the system sends again");
});

test("a network that is said to be back is tried at once", () => {
  const { clock, open, sockets, connection: c } = connection();
  open();
  clock.turn(15_000);
  const tried = sockets.length;
  c.poke();
  assert.equal(sockets.length, tried + 1);
});
