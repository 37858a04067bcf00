import assert from "node:assert/strict";
import { test } from "node:test";
import type { Point } from "../src/geometry.ts";
import { Panning } from "../src/panning.ts";

/** Panning whose frames are drawn by hand. */
function panning() {
  const frames: ((ms: number) => void)[] = [];
  const pointers: (Point | null)[] = [];
  let ms = 1000;
  const made = new Panning(
    (fn) => {
      frames.push(fn);
      return () => frames.splice(frames.indexOf(fn), 1);
    },
    (pointer) => pointers.push(pointer),
  );
  /** Draws a frame so many ms after the last; how many callbacks there were. */
  const draw = (after: number) => {
    ms += after;
    return frames.splice(0).map((fn) => fn(ms)).length;
  };
  return { made, draw, pointers };
}

const size = (width: number, height: number) => ({ width, height });

test("what is seen stays within the picture, whatever the sizes become", () => {
  const { made, pointers } = panning();
  made.fit(size(1000, 800), size(400, 300));
  assert.deepEqual(made.room, { x: 600, y: 500 });
  assert.equal(made.by({ x: 10000, y: 200 }), true);
  assert.deepEqual(made.at, { x: 600, y: 200 });
  assert.equal(made.by({ x: 5, y: 0 }), false, "there is no more that way");
  assert.equal(made.by({ x: -5, y: 0 }), true);
  assert.equal(made.to({ x: -1, y: 100 }), true);
  assert.equal(made.at.x, 0);
  made.to({ x: 500, y: 500 });
  made.fit(size(600, 800), size(400, 300));
  assert.deepEqual(made.at, { x: 200, y: 500 });
  made.fit(size(400.5, 300), size(400, 300));
  assert.deepEqual([made.room, made.at], [{ x: 0, y: 0 }, { x: 0, y: 0 }], "half a pixel is nothing to pan for");
  assert.ok(pointers.every((pointer) => pointer === null));
});

test("a position in the picture is brought into sight, and no further", () => {
  const { made } = panning();
  made.fit(size(1000, 800), size(400, 300));
  made.reveal({ x: 200, y: 150 });
  assert.deepEqual(made.at, { x: 0, y: 0 });
  made.reveal({ x: 500, y: 150 });
  assert.deepEqual(made.at, { x: 128, y: 0 });
  made.reveal({ x: 999, y: 799 });
  assert.deepEqual(made.at, { x: 600, y: 500 });
  made.reveal({ x: 610, y: 799 });
  assert.deepEqual(made.at, { x: 582, y: 500 });
  made.fit(size(400, 300), size(400, 300));
  made.reveal({ x: 399, y: 299 });
  assert.deepEqual(made.at, { x: 0, y: 0 }, "all is seen");
});

test("the pointer pans while it is near an edge, the faster the nearer", () => {
  const { made, draw, pointers } = panning();
  made.fit(size(1000, 800), size(400, 300));
  made.point({ x: 200, y: 150 });
  assert.equal(draw(16), 0, "not in the middle");
  made.point({ x: 399, y: 150 });
  draw(16); // begins
  draw(16);
  const near = made.at.x;
  assert.ok(near > 20 && near < 30, `${near}`);
  assert.equal(made.at.y, 0);
  assert.deepEqual(pointers.at(-1), { x: 399, y: 150 }, "the picture has moved under it");
  made.point({ x: 375, y: 150 });
  draw(16);
  assert.ok(made.at.x - near < 5 && made.at.x > near, "slower further in");
  draw(10_000);
  assert.ok(made.at.x < 200, "a late frame is no leap");
  made.point({ x: 500, y: -50 }); // dragging, beyond the tab
  for (let i = 0; i < 100; i++) draw(16);
  assert.deepEqual(made.at, { x: 600, y: 0 });
  assert.equal(draw(16), 0, "at the end nothing is asked for any more");
  made.point({ x: 0, y: 299 });
  draw(16);
  draw(16);
  assert.ok(made.at.x < 600 && made.at.y > 0, "two edges at once");
  made.point(null);
  assert.equal(draw(16), 0, "the pointer has gone");
});

test("nothing is panned where all is seen", () => {
  const { made, draw, pointers } = panning();
  made.fit(size(400, 300), size(400, 300));
  made.point({ x: 0, y: 0 });
  assert.equal(draw(16), 0);
  assert.equal(made.by({ x: 1, y: 1 }), false);
  assert.deepEqual(pointers, []);
});
