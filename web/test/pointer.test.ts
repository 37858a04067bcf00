import assert from "node:assert/strict";
import { test } from "node:test";
import { Pointer } from "../src/pointer/pointer.ts";
import { Wheel } from "../src/pointer/wheel.ts";
import { FakeClock } from "./fakes.ts";

function pointer() {
  const clock = new FakeClock();
  const sent: string[] = [];
  const state = { open: true };
  const made = new Pointer(clock, (event) => {
    if (event.type === "motion") {
      if (state.open) sent.push(`to ${event.x},${event.y}`);
      return state.open;
    }
    if (event.type === "relative") {
      const { x, y, sure } = event;
      if (state.open || sure) sent.push(`${sure ? "surely" : "by"} ${x},${y}`);
      return state.open;
    }
    if (event.type === "button") sent.push(`${event.action ? "+" : "-"}${event.button} ${event.x},${event.y}`);
    if (event.type === "wheel") sent.push(`turn ${event.dx},${event.dy} ${event.x},${event.y}`);
    if (event.type === "key") sent.push(`${event.action ? "+" : "-"}${event.keysym.toString(16)}`);
    return true;
  });
  return { clock, sent, state, pointer: made };
}

test("the first motion goes at once, then the newest every 6 ms", () => {
  const { clock, sent, pointer: p } = pointer();
  for (let x = 0; x < 4; x++) p.move({ x, y: 0 });
  assert.deepEqual(sent, ["to 0,0"]);
  clock.turn(6);
  assert.deepEqual(sent, ["to 0,0", "to 3,0"]);
  p.move({ x: 3, y: 0 });
  clock.turn(100);
  assert.deepEqual(sent, ["to 0,0", "to 3,0"], "the same position is not sent twice");
});

test("motion does not wait for a timer that is late", () => {
  const clock = new FakeClock();
  const sent: number[] = [];
  const late = { now: () => clock.now(), after: () => () => {} };
  const p = new Pointer(late, (event) => sent.push("x" in event ? event.x : -1) > 0);
  for (let x = 0; x < 20; x++) {
    p.move({ x, y: 0 });
    clock.turn(1);
  }
  assert.deepEqual(sent, [0, 6, 12, 18]);
});

test("where the pointer rests is said twice more, for motion may be lost", () => {
  const { clock, sent, pointer: p } = pointer();
  p.move({ x: 1, y: 1 });
  clock.turn(100);
  p.move({ x: 2, y: 2 });
  clock.turn(10_000);
  assert.deepEqual(sent, ["to 1,1", "to 2,2", "to 2,2", "to 2,2"]);
});

test("motion that is not accepted is tried again, as the newest", () => {
  const { clock, sent, state, pointer: p } = pointer();
  state.open = false;
  p.move({ x: 1, y: 1 });
  p.move({ x: 2, y: 2 });
  clock.turn(50);
  assert.deepEqual(sent, []);
  state.open = true;
  clock.turn(16);
  assert.deepEqual(sent, ["to 2,2"]);
});

test("a button carries its position and replaces motion that waits", () => {
  const { clock, sent, pointer: p } = pointer();
  p.move({ x: 0, y: 0 });
  p.move({ x: 5, y: 5 });
  p.down(0, { x: 6, y: 6 });
  clock.turn(100);
  assert.deepEqual(sent, ["to 0,0", "+1 6,6"]);
});

test("buttons are X buttons, down once and up once", () => {
  const { sent, pointer: p } = pointer();
  const at = { x: 1, y: 2 };
  for (const button of [0, 1, 2, 3, 4, 5]) p.down(button, at);
  p.down(0, at);
  assert.ok(p.holding);
  p.up(1, at);
  p.up(1, at);
  p.upAll();
  assert.ok(!p.holding);
  const want = ["+1", "+2", "+3", "+8", "+9", "-2", "-1", "-3", "-8", "-9"].map((b) => `${b} 1,2`);
  assert.deepEqual(sent, want);
});

test("after a release nothing is held", () => {
  const { sent, pointer: p } = pointer();
  p.down(0, { x: 0, y: 0 });
  p.release();
  p.up(0, { x: 0, y: 0 });
  assert.deepEqual(sent, ["+1 0,0"]);
});

test("a locked pointer says how far it has moved in all, and acts where it is", () => {
  const { clock, sent, pointer: p } = pointer();
  p.move({ x: 9, y: 9 });
  p.locked = true;
  clock.turn(10);
  p.move({ x: 5, y: 5 });
  p.shift({ x: 1.5, y: -1 / 32 });
  p.shift({ x: 1, y: -1 / 32 });
  clock.turn(6);
  assert.deepEqual(sent.splice(0), ["to 9,9", "by 24,0", "by 40,-1"], "the newest total, every 6 ms");
  p.down(0, { x: 7, y: 7 });
  p.shift({ x: -10, y: 0 });
  p.up(0, { x: 7, y: 7 });
  p.wheel({ dx: 0, dy: 120 }, { x: 7, y: 7 });
  const here = "65535,65535";
  const want = ["surely 40,-1", `+1 ${here}`, "surely -120,-1", `-1 ${here}`, "surely -120,-1", `turn 0,120 ${here}`];
  assert.deepEqual(sent.splice(0), want);
  clock.turn(1000);
  assert.deepEqual(sent.splice(0), [], "what is sure is not said again");
  p.shift({ x: 1 / 16, y: 0 });
  clock.turn(1000);
  assert.deepEqual(sent.splice(0), ["by -119,-1", "by -119,-1", "by -119,-1"], "what may be lost is");
  p.locked = false;
  p.shift({ x: 1, y: 0 });
  p.move({ x: 1, y: 1 });
  assert.deepEqual(sent.splice(0), ["to 1,1"]);
  p.reset();
  p.locked = true;
  clock.turn(6);
  p.shift({ x: 1, y: 0 });
  assert.deepEqual(sent, ["by 16,0"], "another viewer's total begins anew");
});

test("motion that nobody takes is tried ever more rarely", () => {
  const clock = new FakeClock();
  let tries = 0;
  const p = new Pointer(clock, () => (tries++, false));
  p.move({ x: 1, y: 1 });
  clock.turn(16_000);
  assert.ok(tries > 1000 && tries < 1020, `${tries} times in 16 s`);
});

test("a pinch is the wheel with Control held", () => {
  const { sent, pointer: p } = pointer();
  p.pinch({ dx: 0, dy: -120 }, { x: 3, y: 4 });
  assert.deepEqual(sent, ["+ffe3", "turn 0,-120 3,4", "-ffe3"]);
});

test("the wheel counts 1/120 notches in every unit", () => {
  const cases: [string, number, number, number, { dx: number; dy: number } | null][] = [
    ["a notch in pixels", 0, 100, 0, { dx: 0, dy: 120 }],
    ["a notch in lines", 0, 3, 1, { dx: 0, dy: 120 }],
    ["a page", 0, -1, 2, { dx: 0, dy: -120 }],
    ["both axes", 50, -25, 0, { dx: 60, dy: -30 }],
    ["less than 1/120", 0, 0.5, 0, null],
    ["an unknown unit is pixels", 0, 100, 9, { dx: 0, dy: 120 }],
  ];
  for (const [name, deltaX, deltaY, deltaMode, want] of cases) {
    assert.deepEqual(new Wheel().add({ deltaX, deltaY, deltaMode }), want, name);
  }
});

test("a mouse's notches are taken as such, whatever they are in pixels", () => {
  const cases: [string, Parameters<Wheel["add"]>[0], { dx: number; dy: number } | null][] = [
    ["Chromium on Linux", { deltaX: 0, deltaY: 120, deltaMode: 0, wheelDeltaY: -120 }, { dx: 0, dy: 120 }],
    ["zoomed to 150 %", { deltaX: 0, deltaY: -66.7, deltaMode: 0, wheelDeltaY: 120 }, { dx: 0, dy: -120 }],
    ["Firefox", { deltaX: 3, deltaY: 0, deltaMode: 1, wheelDeltaX: -120 }, { dx: 120, dy: 0 }],
    ["a wheel of higher resolution", { deltaX: 0, deltaY: 12.5, deltaMode: 0, wheelDeltaY: -15 }, { dx: 0, dy: 15 }],
    ["a trackpad", { deltaX: 0, deltaY: 40, deltaMode: 0, wheelDeltaX: 0, wheelDeltaY: -120 }, { dx: 0, dy: 48 }],
    ["nothing said", { deltaX: 0, deltaY: 100, deltaMode: 0, wheelDeltaX: 0, wheelDeltaY: 0 }, { dx: 0, dy: 120 }],
    ["turned sideways for Shift", { deltaX: 100, deltaY: 0, deltaMode: 0, shiftKey: true }, { dx: 0, dy: 120 }],
    ["sideways and down with Shift", { deltaX: 50, deltaY: 25, deltaMode: 0, shiftKey: true }, { dx: 60, dy: 30 }],
  ];
  for (const [name, event, want] of cases) assert.deepEqual(new Wheel().add(event), want, name);
});

test("a pinch on a trackpad comes in whole notches", () => {
  const wheel = new Wheel();
  const pinch = (deltaY: number) => wheel.pinch({ deltaX: 0, deltaY, deltaMode: 0, wheelDeltaY: -120 * Math.sign(deltaY) });
  let sum = 0;
  for (let i = 0; i < 69; i++) sum += pinch(-1)?.dy ?? 0;
  assert.equal(sum, -480, "twice as large");
  assert.equal(pinch(10), null, "it turns back: the rest is forgotten");
  assert.deepEqual(pinch(100), { dx: 0, dy: 120 }, "a wheel with Control held, which went down elsewhere");
});

test("the wheel keeps fractions, and forgets them when it turns back", () => {
  const wheel = new Wheel();
  let sum = 0;
  for (let i = 0; i < 100; i++) sum += wheel.add({ deltaX: 0, deltaY: 1.01, deltaMode: 0 })?.dy ?? 0;
  assert.equal(sum, 121);
  wheel.add({ deltaX: 0, deltaY: 0.7, deltaMode: 0 });
  assert.deepEqual(wheel.add({ deltaX: 0, deltaY: -10, deltaMode: 0 }), { dx: 0, dy: -12 });
});
