import assert from "node:assert/strict";
import { test } from "node:test";
import type { Point } from "../src/geometry.ts";
import { Arrow } from "../src/pointer/arrow.ts";
import type { Screen } from "../src/screen.ts";
import { FakeClock } from "./fakes.ts";

/** A locked pointer at (100, 100) of a desktop of 200 by 200 pixels, and how often the desktop was asked where it is. */
function locked() {
  Object.assign(globalThis, { matchMedia: () => new EventTarget(), devicePixelRatio: 1 });
  const clock = new FakeClock();
  const shown: Point[] = [];
  const clip = (length: number) => Math.max(0, Math.min(length, 199));
  const screen = {
    frame: { style: { cursor: "" } },
    reveal() {},
    tabAt: ({ x, y }: Point) => ({ x: x + 0.5, y: y + 0.5 }),
    within: ({ x, y }: Point) => ({ x: clip(x), y: clip(y) }),
  };
  const drawn = {
    hidden: true,
    src: "",
    style: {
      width: "",
      set transform(value: string) {
        const [x = NaN, y = NaN] = value.match(/-?[\d.]+/g)?.map(Number) ?? [];
        shown.push({ x, y });
      },
    },
  };
  let asked = 0;
  const arrow = new Arrow(clock, screen as unknown as Screen, drawn as unknown as HTMLImageElement, () => asked++);
  arrow.show({ image: "AAAA", hotX: 0, hotY: 0, width: 8, height: 8 });
  arrow.lock({ x: 100, y: 100 });
  return { clock, arrow, drawn, at: () => shown.at(-1), asked: () => asked };
}

test("a pointer that is being locked is where the desktop says", () => {
  const { arrow, at, asked } = locked();
  assert.equal(asked(), 1);
  arrow.told({ x: 60, y: 500 });
  assert.deepEqual(at(), { x: 60, y: 199 });
  assert.equal(asked(), 1);
});

test("the locked pointer is drawn where it moves, and asked for where it comes to rest", () => {
  const { clock, arrow, at, asked } = locked();
  for (let i = 0; i < 20; i++) {
    arrow.shift({ x: 2, y: -1 });
    clock.turn(100);
  }
  assert.deepEqual(at(), { x: 140, y: 80 });
  assert.equal(asked(), 1);
  clock.turn(1000);
  assert.equal(asked(), 2);
  arrow.told({ x: 20, y: 30 });
  assert.deepEqual(at(), { x: 20, y: 30 });
  arrow.shift({ x: 1, y: 1 });
  assert.deepEqual(at(), { x: 21, y: 31 });
});

test("where the desktop says the pointer is does not hold while it moves, nor once it is free", () => {
  const { clock, arrow, drawn, at, asked } = locked();
  arrow.shift({ x: 10, y: 0 });
  arrow.told({ x: 100, y: 100 });
  assert.deepEqual(at(), { x: 110, y: 100 });
  arrow.lock(null);
  arrow.told({ x: 5, y: 5 });
  clock.turn(1000);
  assert.ok(drawn.hidden);
  assert.equal(asked(), 1);
});
