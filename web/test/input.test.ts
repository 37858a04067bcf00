import assert from "node:assert/strict";
import { test } from "node:test";
import { InputSender } from "../src/input.ts";
import { Action, encode, type InputEvent } from "../src/wire.ts";
import { FakeChannel, FakeClock } from "./fakes.ts";

const KEY = 1;
const MOTION = 2;
const RELEASE = 5;
const RELATIVE = 7;

const key = (action: Action): InputEvent => ({ type: "key", action, keysym: 0x61, code: "KeyA" });
const motion: InputEvent = { type: "motion", x: 1, y: 2 };

function sender(quiet = false) {
  const clock = new FakeClock();
  const input = new InputSender(clock, () => quiet);
  const reliable = new FakeChannel();
  const lossy = new FakeChannel();
  input.use(reliable, lossy);
  return { clock, input, reliable, lossy };
}

test("one sequence runs over both channels", () => {
  const { input, reliable, lossy } = sender();
  input.send(key(Action.Down));
  input.send(motion);
  input.send(key(Action.Up));
  assert.deepEqual(reliable.heads, [[KEY, 1], [KEY, 3]]);
  assert.deepEqual(lossy.heads, [[MOTION, 2]]);
});

test("relative motion goes by the lossy channel, and by the reliable one where it must arrive", () => {
  const { input, reliable, lossy } = sender();
  const relative: InputEvent = { type: "relative", x: 1, y: 2 };
  assert.ok(input.send(relative));
  assert.ok(input.send({ ...relative, sure: true }));
  assert.deepEqual(lossy.heads, [[RELATIVE, 1]]);
  assert.deepEqual(reliable.heads, [[RELATIVE, 2]]);
  lossy.bufferedAmount = 1 << 20;
  assert.ok(!input.send(relative), "a newer total replaces it");
  assert.ok(input.send({ ...relative, sure: true }));
});

test("what is unacknowledged is sent again, unchanged and in order, when the channel changes", () => {
  const { input, reliable, lossy } = sender();
  for (const action of [Action.Down, Action.Up, Action.Down, Action.Up]) input.send(key(action));
  input.acknowledge(2);
  const next = new FakeChannel();
  input.use(next, lossy);
  assert.deepEqual(next.sent, reliable.sent.slice(2));
  input.send(key(Action.Down));
  assert.deepEqual(next.heads, [[KEY, 3], [KEY, 4], [KEY, 5]]);
});

test("nothing is sent again when only the lossy channel changes", () => {
  const { input, reliable } = sender();
  input.send(key(Action.Down));
  input.use(reliable, new FakeChannel());
  assert.equal(reliable.sent.length, 1);
});

test("keys that the former viewer was not heard to type are typed by the next, with their modifiers", () => {
  const press = (code: string, keysym: number, action = Action.Down): InputEvent => ({ type: "key", action, keysym, code });
  const shift = press("ShiftLeft", 0xffe1);
  const caps = press("CapsLock", 0xffe5);
  const b = press("KeyB", 0x42);
  const place = (code: string) => press(code, 0);
  const locks: InputEvent = { type: "locks", caps: true, num: false };
  const up = (event: InputEvent): InputEvent => ({ ...event, action: Action.Up }) as InputEvent;
  const click: InputEvent = { type: "button", action: Action.Down, button: 1, x: 1, y: 2 };
  const cases: [string, InputEvent[], number, InputEvent[]][] = [
    ["nothing was lost", [key(Action.Down), key(Action.Up)], 2, []],
    ["it is not known", [key(Action.Down), key(Action.Up)], 0, []],
    ["all of a key", [shift, b, up(b)], 1, [shift, b, up(b), up(shift)]],
    ["its end", [shift, b, up(b)], 2, []],
    ["a key still held", [shift, up(shift), b], 2, [b, up(b)]],
    ["a modifier alone", [b, up(b), shift], 2, []],
    ["held before, and no modifier", [caps, key(Action.Down), b, up(b)], 2, [b, up(b)]],
    ["a release in between", [caps, shift, b, { type: "release" }, key(Action.Down), key(Action.Up)], 1,
      [shift, b, up(shift), up(b), key(Action.Down), key(Action.Up)]],
    ["text", [shift, b, up(b), up(shift), { type: "text", text: "日本" }], 4, [{ type: "text", text: "日本" }]],
    ["locks before a key", [caps, up(caps), locks, b, up(b)], 2, [locks, b, up(b)]],
    ["locks alone", [b, up(b), locks], 2, []],
    ["a modifier by its place", [place("ShiftLeft"), place("KeyB"), up(place("KeyB"))], 1,
      [place("ShiftLeft"), place("KeyB"), up(place("KeyB")), up(place("ShiftLeft"))]],
    ["no clicks", [shift, click, b, up(b), up(shift)], 1, [shift, b, up(b), up(shift)]],
  ];
  for (const [name, events, handled, want] of cases) {
    const { input, lossy } = sender();
    for (const event of events) input.send(event);
    input.use(null, null);
    input.reset(handled);
    const next = new FakeChannel();
    input.use(next, lossy);
    assert.deepEqual(next.sent, want.map((event, i) => encode(event, i + 1, 0)), name);
    input.use(new FakeChannel(), lossy);
    input.reset(0);
    input.use(next, lossy);
    assert.equal(next.sent.length, want.length, "once");
  }
});

test("a new viewer gets nothing that was meant for the former one", () => {
  const { input, lossy } = sender();
  input.send(key(Action.Down));
  input.use(null, null);
  assert.equal(input.send(key(Action.Up)), false);
  input.reset(0);
  const next = new FakeChannel();
  input.use(next, lossy);
  assert.deepEqual(next.heads, [], "a new viewer holds nothing");
  input.send(key(Action.Down));
  assert.deepEqual(next.heads, [[KEY, 1]]);
});

test("repeats and motion are held back while they would pile up", () => {
  const cases: [string, (s: ReturnType<typeof sender>) => void, boolean, boolean][] = [
    ["free", () => {}, true, true],
    ["bytes wait in the lossy channel", ({ lossy }) => (lossy.bufferedAmount = 1), false, true],
    ["many bytes wait in the lossy channel", ({ lossy }) => (lossy.bufferedAmount = 9000), false, false],
    ["bytes wait in the reliable channel", ({ reliable }) => (reliable.bufferedAmount = 1), false, true],
    ["an event is unacknowledged for long", ({ clock }) => clock.turn(501), false, true],
  ];
  for (const [name, arrange, repeats, moves] of cases) {
    const s = sender();
    s.input.send(key(Action.Down));
    arrange(s);
    assert.equal(s.input.send(key(Action.Repeat)), repeats, `${name}: repeat`);
    assert.equal(s.input.send(motion), moves, `${name}: motion`);
  }
  assert.equal(sender(true).input.send(key(Action.Repeat)), false, "no pong");
});

test("the buffer is bounded: a release stands for what no longer fits", () => {
  const { input, lossy } = sender();
  for (let i = 0; i < 512; i++) input.send(key(i % 2 ? Action.Up : Action.Down));
  assert.equal(input.unacknowledged, 512);
  input.send(key(Action.Down));
  const next = new FakeChannel();
  input.use(next, lossy);
  assert.deepEqual(next.heads, [[RELEASE, 513], [KEY, 514]]);
});
