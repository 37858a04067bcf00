import assert from "node:assert/strict";
import { test } from "node:test";
import { coverOf, place, toRemote, toTab, type ResizeMode } from "../src/geometry.ts";

const size = (width: number, height: number) => ({ width, height });

test("the screen is placed by mode, centred on whole device pixels", () => {
  const cases: [string, [number, number], [number, number], number, ResizeMode, [number, number, number, number]][] = [
    ["the tab's own size", [1000, 500], [1000, 500], 1, "remote", [0, 0, 1000, 500]],
    ["the tab's own size at two device pixels", [2000, 1000], [1000, 500], 2, "remote", [0, 0, 1000, 500]],
    ["smaller than wished", [800, 500], [1600, 1000], 1, "remote", [0, 0, 1600, 1000]],
    ["smaller than wished at two device pixels", [1500, 1000], [1200, 800], 2, "remote", [0, 0, 1200, 800]],
    ["larger, reduced", [2000, 500], [1000, 500], 1, "remote", [0, 125, 1000, 250]],
    ["smaller, enlarged", [500, 250], [1000, 600], 1, "scale", [0, 50, 1000, 500]],
    ["taller", [100, 400], [1000, 200], 1, "scale", [475, 0, 50, 200]],
    ["larger, not scaled", [2000, 500], [1000, 600], 1, "off", [0, 50, 2000, 500]],
    ["odd margins", [999, 499], [1000, 500], 1, "off", [1, 1, 999, 499]],
    ["a fractional tab", [1367, 911], [911.3, 607.3], 1.5, "scale", [0, 0, 1367 / 1.5, 911 / 1.5]],
  ];
  for (const [name, [w, h], [tw, th], ratio, mode, [x, y, width, height]] of cases) {
    assert.deepEqual(place(size(w, h), size(tw, th), ratio, mode), { x, y, width, height }, name);
  }
});

test("a picture covers the screen, or is of another one", () => {
  const cases: [string, [number, number], [number, number], [number, number] | null][] = [
    ["all of it", [1920, 1080], [1920, 1080], [1920, 1080]],
    ["made even", [1366, 768], [1365, 767], [1366, 768]],
    ["half of it", [960, 540], [1920, 1080], [1920, 1080]],
    ["half, rounded up", [683, 384], [1365, 767], [1366, 768]],
    ["half, rounded down", [682, 383], [1365, 767], [1365, 767]],
    ["half, made even", [684, 384], [1366, 767], [1368, 768]],
    ["a third, made even", [640, 360], [1918, 1078], [1920, 1080]],
    ["smaller by little", [1919, 1080], [1920, 1080], null],
    ["of another shape", [960, 600], [1920, 1080], null],
    ["larger", [1920, 1080], [1280, 720], null],
    ["before the screen is known", [1920, 1080], [0, 0], null],
  ];
  for (const [name, [w, h], [sw, sh], want] of cases) {
    assert.deepEqual(coverOf(size(w, h), size(sw, sh)), want && size(...want), name);
  }
});

test("a position in the tab is a remote pixel, the nearest one beside the picture", () => {
  const shown = { x: 100, y: 50, width: 800, height: 400 };
  const cases: [number, number, number, number][] = [
    [100, 50, 0, 0],
    [100.9, 50.4, 1, 0],
    [500, 250, 800, 400],
    [899.9, 449.9, 1599, 799],
    [900, 450, 1599, 799],
    [0, 0, 0, 0],
    [5000, 5000, 1599, 799],
  ];
  for (const [x, y, rx, ry] of cases) {
    assert.deepEqual(toRemote({ x, y }, shown, size(1600, 800)), { x: rx, y: ry }, `${x},${y}`);
  }
  for (const length of [720, 1080, 1280, 1920]) {
    const square = size(length, length);
    for (let i = 0; i < length; i++) {
      assert.deepEqual(toRemote({ x: i, y: i }, { x: 0, y: 0, ...square }, square), { x: i, y: i }, `one to one, ${length}`);
    }
  }
  assert.deepEqual(toRemote({ x: 5, y: 5 }, { x: 0, y: 0, width: 0, height: 0 }, size(0, 0)), { x: 0, y: 0 });
});

test("a position that is none is a pixel of the screen all the same", () => {
  const shown = { x: 0, y: 0, width: 10, height: 10 };
  for (const x of [NaN, Infinity, -Infinity, 1e300]) {
    const got = toRemote({ x, y: x }, shown, size(10, 10));
    assert.ok(got.x >= 0 && got.x < 10 && got.y >= 0 && got.y < 10, String(x));
  }
});

test("a remote pixel's middle in the tab is on that pixel", () => {
  const shown = { x: 100.5, y: 50, width: 733, height: 400 };
  for (const pixel of [{ x: 0, y: 0 }, { x: 1599, y: 799 }, { x: 123, y: 456 }]) {
    assert.deepEqual(toRemote(toTab(pixel, shown, size(1600, 800)), shown, size(1600, 800)), pixel);
  }
  assert.deepEqual(toTab({ x: 5, y: 5 }, shown, size(0, 0)), { x: 100.5, y: 50 });
});
