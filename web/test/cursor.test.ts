import assert from "node:assert/strict";
import { test } from "node:test";
import { Cursors, cursorStyles, padding } from "../src/pointer/cursor.ts";
import type { CursorMessage } from "../src/protocol.ts";

/** The head of a PNG of a size, in base64. */
function png(width: number, height: number): string {
  const head = new DataView(new ArrayBuffer(33));
  [0x89504e47, 0x0d0a1a0a, 13, 0x49484452, width, height].forEach((word, i) => head.setUint32(4 * i, word));
  return btoa(String.fromCharCode(...new Uint8Array(head.buffer)));
}

const message = (serial: number, image: string | null): CursorMessage => ({ type: "cursor", serial, hotX: 3, hotY: 4, x: 0, y: 0, image });

test("a cursor's picture is told once and known by its serial, with its size", () => {
  const cursors = new Cursors();
  const want = { image: png(24, 32), hotX: 3, hotY: 4, width: 24, height: 32 };
  assert.deepEqual(cursors.take(message(1, png(24, 32))), want);
  assert.deepEqual(cursors.take(message(1, null)), want);
  assert.equal(cursors.take(message(2, null)), null);
  assert.equal(cursors.take(message(2, ""))?.image, "");
  cursors.reset();
  assert.equal(cursors.take(message(1, null)), null);
});

test("the pictures that are kept are bounded, and so is their size", () => {
  const cursors = new Cursors();
  for (let serial = 1; serial <= 300; serial++) cursors.take(message(serial, png(1, 1)));
  assert.equal(cursors.take(message(44, null)), null);
  assert.ok(cursors.take(message(45, null)));
  for (const image of [png(0, 1), png(1, 0), png(1025, 1), png(1, 2 ** 32 - 1), "AAAA", "A".repeat(44), `${png(9, 9)}"); x`, "é".repeat(40)]) {
    assert.equal(new Cursors().take(message(1, image)), null, image);
  }
});

test("a picture is a CSS cursor in device pixels", () => {
  const picture = { image: png(24, 24), hotX: 3, hotY: 5, width: 24, height: 24 };
  const url = `url("data:image/png;base64,${picture.image}")`;
  assert.deepEqual(cursorStyles(picture, 1), [`${url} 3 5, default`, "default"]);
  assert.deepEqual(cursorStyles(picture, 2)[0], `image-set(${url} 2x) 2 3, default`);
  assert.deepEqual(cursorStyles({ ...picture, image: "" }, 2), ["none"]);
});

test("padding puts a hot spot on a whole CSS pixel where that is possible", () => {
  const cases: [number, number, number][] = [
    [7, 1, 0],
    [7, 2, 1],
    [8, 2, 0],
    [7, 1.5, 2],
    [9, 1.5, 0],
    [7, 1.25, 3],
    [0, 1.1, 0],
    [7, 1.1, 4],
    [1, Math.PI, 0],
  ];
  for (const [hot, ratio, want] of cases) assert.equal(padding(hot, ratio), want, `${hot} at ${ratio}`);
});
