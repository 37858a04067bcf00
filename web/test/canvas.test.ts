import assert from "node:assert/strict";
import { test } from "node:test";
import { Canvas } from "../src/canvas.ts";
import type { Image } from "../src/decoder.ts";

function canvas() {
  const frames: (() => void)[] = [];
  Object.assign(globalThis, { requestAnimationFrame: (fn: () => void) => frames.push(fn) });
  const did: string[] = [];
  const context = { drawImage: (part: { name: string }, x: number, y: number) => did.push(`draw ${part.name} ${x} ${y}`) };
  const element = { width: 300, height: 150, getContext: () => context };
  const made = new Canvas(element as unknown as HTMLCanvasElement);
  made.onshown = (id, { width, height }) => did.push(`shown ${id} ${width}x${height}`);
  const part = (name: string) => ({ name, close: () => did.push(`close ${name}`) });
  const frame = (id: number, width = 64) =>
    made.show(id, { width, height: 48, frame: part(`f${id}`) } as unknown as Image);
  const rectangle = (id: number) =>
    made.show(id, { width: 64, height: 48, rectangles: [{ x: id, y: 7, bitmap: part(`r${id}`) }] } as unknown as Image);
  const paint = () => frames.splice(0).forEach((fn) => fn());
  const take = () => did.splice(0);
  return { element, frame, rectangle, paint, take };
}

test("a frame is drawn at once, and shown when the tab is drawn", () => {
  const { frame, paint, take, element } = canvas();
  frame(1);
  assert.deepEqual(take(), ["draw f1 0 0", "close f1"]);
  assert.deepEqual([element.width, element.height], [64, 48]);
  paint();
  assert.deepEqual(take(), ["shown 1 64x48"]);
  paint();
  assert.deepEqual(take(), []);
  frame(2, 80);
  paint();
  assert.deepEqual(take(), ["draw f2 0 0", "close f2", "shown 2 80x48"]);
});

test("of many frames for the same drawing of the tab the last is seen, and all are closed", () => {
  const { frame, paint, take } = canvas();
  for (let id = 1; id <= 4; id++) frame(id);
  assert.deepEqual(take(), ["draw f1 0 0", "close f1", "close f2", "close f3"]);
  paint();
  assert.deepEqual(take(), ["draw f4 0 0", "close f4", "shown 4 64x48"]);
});

test("rectangles are all drawn, in their order", () => {
  const { rectangle, paint, take } = canvas();
  rectangle(1);
  rectangle(2);
  assert.deepEqual(take(), ["draw r1 1 7", "close r1", "draw r2 2 7", "close r2"]);
  paint();
  assert.deepEqual(take(), ["shown 2 64x48"]);
});

test("rectangles that come after frames are not drawn over by one that had to wait", () => {
  const { frame, rectangle, paint, take } = canvas();
  frame(1);
  frame(2);
  take();
  rectangle(3);
  assert.deepEqual(take(), ["close f2", "draw r3 3 7", "close r3"]);
  paint();
  assert.deepEqual(take(), ["shown 3 64x48"]);
});
