import assert from "node:assert/strict";
import { test } from "node:test";
import type { Size } from "../src/geometry.ts";
import { Screen } from "../src/screen.ts";
import { FakeClock } from "./fakes.ts";

/** A screen in a tab that is resized by hand. */
function screen() {
  const frames: (() => void)[] = [];
  let resized = (_: object[]) => {};
  class FakeObserver {
    constructor(callback: (entries: object[]) => void) {
      resized = callback;
    }

    observe(): void {}
  }
  Object.assign(globalThis, {
    ResizeObserver: FakeObserver,
    requestAnimationFrame: (fn: () => void) => frames.push(fn),
    devicePixelRatio: 2,
  });
  const clock = new FakeClock();
  const wishes: Size[] = [];
  const style: Record<string, string> = {};
  const classList = { toggle: () => {} };
  const frame = { style, classList, dataset: {} } as unknown as HTMLElement;
  const video = Object.assign(new EventTarget(), { videoWidth: 0, videoHeight: 0 }) as unknown as HTMLVideoElement;
  const canvas = { hidden: true } as HTMLCanvasElement;
  const stage = { clientWidth: 0, clientHeight: 0 };
  const made = new Screen(clock, stage as HTMLElement, frame, video, canvas, "remote", {
    wish: (size) => wishes.push(size),
    presented: () => {},
  });
  const resize = (width: number, height: number) => {
    Object.assign(stage, { clientWidth: width, clientHeight: height });
    resized([{ contentRect: { width, height } }]);
  };
  const draw = () => frames.splice(0).forEach((fn) => fn());
  return { clock, wishes, style, resize, draw, screen: made };
}

test("a new size of the tab is taken in the next frame, and wished for once it rests", () => {
  const { clock, wishes, style, resize, draw, screen: s } = screen();
  s.size = { width: 1000, height: 500 };
  const before = { ...style };
  resize(400, 300);
  assert.deepEqual(style, before, "not within the observer: it would observe its own doing");
  draw();
  assert.deepEqual([style.top, style.width, style.height], ["50px", "400px", "200px"]);
  clock.turn(199);
  resize(500, 300);
  draw();
  clock.turn(199);
  assert.deepEqual(wishes, []);
  clock.turn(1);
  assert.deepEqual(wishes, [{ width: 1000, height: 600 }]);
  s.wish(true);
  assert.equal(wishes.length, 2, "at once when the desktop is a new one");
});
