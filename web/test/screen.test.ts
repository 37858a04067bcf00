import assert from "node:assert/strict";
import { test } from "node:test";
import type { ResizeMode, Size } from "../src/geometry.ts";
import { Screen } from "../src/screen.ts";
import { FakeClock } from "./fakes.ts";

/** A screen in a tab that is resized by hand. */
function screen(mode: ResizeMode = "remote") {
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
  const classes = new Set<string>();
  const classList = { toggle: (name: string, on: boolean) => (on ? classes.add(name) : classes.delete(name)) };
  const frame = { style, classList, dataset: {} } as unknown as HTMLElement;
  const video = Object.assign(new EventTarget(), { videoWidth: 0, videoHeight: 0, style: {} }) as unknown as HTMLVideoElement;
  const canvas = { hidden: true, style: {} as Record<string, string> };
  const stage = { clientWidth: 0, clientHeight: 0 };
  const made = new Screen(clock, stage as HTMLElement, frame, video, canvas as unknown as HTMLCanvasElement, mode, {
    wish: (size) => wishes.push(size),
    presented: () => {},
  });
  const resize = (width: number, height: number) => {
    Object.assign(stage, { clientWidth: width, clientHeight: height });
    resized([{ contentRect: { width, height } }]);
  };
  const draw = () => frames.splice(0).forEach((fn) => fn());
  return { clock, wishes, style, canvas, classes, resize, draw, screen: made };
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

test("a picture smaller than the screen is shown at the screen's size in each mode", () => {
  for (const mode of ["remote", "scale", "off"] as const) {
    const { style, canvas, classes, resize, draw, screen: s } = screen(mode);
    resize(1200, 1000);
    draw();
    s.shown = "ws";
    s.size = { width: 1999, height: 1000 };
    s.paint({ width: 1999, height: 1000 });
    const before = { ...style };
    assert.equal(classes.has("exact"), mode === "off", mode);
    s.paint({ width: 1000, height: 500 });
    assert.deepEqual(style, before, mode);
    assert.deepEqual(canvas.style, { width: `${(100 * 2000) / 1999}%`, height: "100%" });
    assert.ok(!classes.has("exact"), "smoothed");
    s.frame.getBoundingClientRect = () => ({ x: 0, y: 0, width: 999.5, height: 500 }) as DOMRect;
    assert.deepEqual(s.remoteAt(500, 250), { x: 1000, y: 500 }, "positions are the screen's");
    s.paint({ width: 800, height: 600 });
    assert.equal(Number.parseFloat(style.width ?? "") / Number.parseFloat(style.height ?? ""), 4 / 3, "of another screen");
  }
});
