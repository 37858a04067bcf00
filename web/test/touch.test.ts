import assert from "node:assert/strict";
import { test } from "node:test";
import type { Point } from "../src/geometry.ts";
import { Touch } from "../src/pointer/touch.ts";
import { FakeClock } from "./fakes.ts";

/** Fingers on a picture at twice its size; what they make of the pointer, in words. */
function screen(room = 0) {
  const clock = new FakeClock();
  const did: string[] = [];
  const held = new Set<number>();
  const touch = new Touch(
    clock,
    {
      move: ({ x, y }) => void did.push(`to ${x},${y}`),
      down: (button, { x, y }) => {
        assert.ok(!held.has(button));
        held.add(button);
        did.push(`+${button} ${x},${y}`);
      },
      up: (button, { x, y }) => {
        held.delete(button);
        did.push(`-${button} ${x},${y}`);
      },
      upAll: () => {
        for (const button of held) did.push(`-${button}`);
        held.clear();
      },
      wheel: ({ dx, dy }, { x, y }) => void did.push(`turn ${dx},${dy} ${x},${y}`),
      pinch: ({ dy }, { x, y }) => void did.push(`pinch ${dy} ${x},${y}`),
    },
    ({ x, y }) => ({ x: x / 2, y: y / 2 }),
    ({ x, y }) => {
      const more = Math.max(Math.abs(x), Math.abs(y)) <= room;
      if (more) did.push(`pan ${x},${y}`);
      return more;
    },
  );
  const at = (x: number, y: number): Point => ({ x, y });
  return { clock, did, held, touch, at };
}

test("a tap is a click, a second one nearby goes where the first one went", () => {
  const { clock, did, touch, at } = screen();
  touch.down(7, at(100, 60));
  touch.move(7, at(106, 60));
  clock.turn(100);
  assert.deepEqual(did, []);
  touch.up(7);
  touch.down(8, at(110, 70));
  touch.up(8);
  assert.deepEqual(did.splice(0), ["+0 50,30", "-0 50,30", "+0 50,30", "-0 50,30"]);
  clock.turn(1000);
  touch.down(8, at(110, 70));
  touch.up(8);
  assert.deepEqual(did, ["+0 55,35", "-0 55,35"], "later it is another click");
});

test("a finger that moves drags with the left button from where it came down", () => {
  const { clock, did, touch, at } = screen();
  touch.down(1, at(100, 100));
  touch.move(1, at(120, 100));
  clock.turn(5000);
  touch.down(2, at(10, 10));
  touch.move(2, at(20, 20));
  touch.up(2);
  touch.move(1, at(140, 110));
  touch.up(1);
  assert.deepEqual(did, ["+0 50,50", "to 60,50", "to 70,55", "-0 70,55"], "a second finger changes nothing");
  assert.ok(!touch.active);
});

test("a long press is a click of the right button, and moves the pointer after it", () => {
  const { clock, did, touch, at } = screen();
  touch.down(1, at(100, 100));
  clock.turn(500);
  touch.move(1, at(120, 140));
  touch.up(1);
  clock.turn(5000);
  assert.deepEqual(did, ["+2 50,50", "-2 50,50", "to 60,70"]);
});

test("two fingers that tap are the right button, three the middle one, more none", () => {
  for (const [fingers, want] of [[2, ["+2 50,50", "-2 50,50"]], [3, ["+1 50,50", "-1 50,50"]], [4, []], [9, []]] as const) {
    const { clock, did, held, touch, at } = screen();
    for (let id = 0; id < fingers; id++) touch.down(id, at(100 + 50 * id, 100));
    clock.turn(200);
    for (let id = 0; id < fingers; id++) touch.up(id);
    assert.deepEqual(did, want, `${fingers} fingers`);
    assert.equal(held.size, 0);
    assert.ok(!touch.active);
    did.length = 0;
    touch.down(0, at(2, 2));
    touch.up(0);
    assert.deepEqual(did, ["+0 1,1", "-0 1,1"], `after ${fingers} fingers`);
  }
});

test("two fingers that rest long do nothing", () => {
  const { clock, did, touch, at } = screen();
  touch.down(1, at(100, 100));
  touch.down(2, at(200, 100));
  clock.turn(1000);
  touch.up(1);
  touch.up(2);
  assert.deepEqual(did, []);
});

test("two fingers that move turn the wheel against their way, as if they held the content", () => {
  const { did, touch, at } = screen();
  touch.down(1, at(100, 300));
  touch.down(2, at(200, 300));
  for (let y = 300; y >= 200; y -= 5) {
    touch.move(1, at(100, y));
    touch.move(2, at(200, y));
  }
  const turned = did.map((line) => Number(/^turn 0,(-?\d+) 50,150$/.exec(line)?.[1]));
  assert.equal(turned.reduce((sum, dy) => sum + dy, 0), 240, "100 px are two notches down");
  touch.up(1);
  touch.move(2, at(200, 0));
  touch.up(2);
  assert.equal(did.length, turned.length, "the finger that is left does nothing");
});

test("two fingers that go apart zoom in by notches, and out when they come together", () => {
  const { did, touch, at } = screen();
  touch.down(1, at(200, 200));
  touch.down(2, at(300, 200));
  for (let x = 300; x <= 500; x += 4) touch.move(2, at(x, 200)); // three times as far
  const spread = did.splice(0);
  assert.deepEqual(new Set(spread), new Set(["pinch -120 100,100"]));
  assert.equal(spread.length, Math.floor(Math.log(3) / Math.log(1.15)));
  for (let x = 500; x >= 300; x -= 4) touch.move(2, at(x, 200));
  assert.deepEqual(new Set(did), new Set(["pinch 120 100,100"]));
});

test("a finger that the browser takes away leaves nothing held", () => {
  const { clock, did, held, touch, at } = screen();
  touch.down(1, at(100, 100));
  touch.move(1, at(150, 100));
  touch.cancel(1);
  assert.deepEqual(did, ["+0 50,50", "to 75,50", "-0"]);
  did.length = 0;
  touch.up(1);
  touch.move(1, at(0, 0));
  touch.cancel(1);
  assert.deepEqual(did, [], "it is not known any more");
  touch.down(2, at(100, 100));
  touch.stop();
  clock.turn(5000);
  assert.deepEqual(did, [], "no long press comes of it");
  assert.equal(held.size, 0);
});

test("whatever fingers do, in the end nothing is held", () => {
  const { clock, held, touch, at } = screen();
  let seed = 1;
  const random = (below: number) => (seed = (seed * 48271) % 0x7fffffff) % below;
  for (let round = 0; round < 2000; round++) {
    for (let step = random(12); step >= 0; step--) {
      const id = random(6);
      const place = at(random(1000), random(1000));
      [() => touch.down(id, place), () => touch.move(id, place), () => touch.up(id), () => touch.cancel(id), () => clock.turn(random(600))][
        random(5)
      ]?.();
    }
    if (random(2)) touch.stop();
    else for (let id = 0; id < 6; id++) touch.up(id);
    assert.equal(held.size, 0, `round ${round}`);
    assert.ok(!touch.active);
  }
});

test("two fingers show another part of a desktop larger than the tab, and turn the wheel where there is none", () => {
  for (const room of [1000, 0]) {
    const { did, touch, at } = screen(room);
    touch.down(1, at(100, 100));
    touch.down(2, at(140, 100));
    for (const finger of [1, 2]) touch.move(finger, at(60 + 40 * finger, 70));
    for (const finger of [1, 2]) touch.move(finger, at(60 + 40 * finger, 20));
    touch.up(1);
    touch.up(2);
    if (room > 0) assert.deepEqual(did, ["pan 0,15", "pan 0,15", "pan 0,25", "pan 0,25"]);
    else assert.ok(did.length > 0 && did.every((what) => what.startsWith("turn")), did.join());
  }
});
