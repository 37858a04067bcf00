import assert from "node:assert/strict";
import { test } from "node:test";
import type { Point, ResizeMode, Wish } from "../src/geometry.ts";
import { Screen } from "../src/screen.ts";
import { FakeClock } from "./fakes.ts";

/** A screen in a tab that is resized by hand. */
function screen(mode: ResizeMode = "remote") {
  const frames: (() => void)[] = [];
  const page = new EventTarget();
  let resized = (_: object[]) => {};
  let zoomed = () => {};
  class FakeObserver {
    constructor(callback: (entries: object[]) => void) {
      resized = callback;
    }

    observe(): void {}

    unobserve(): void {}
  }
  Object.assign(globalThis, {
    ResizeObserver: FakeObserver,
    requestAnimationFrame: (fn: () => void) => frames.push(fn),
    devicePixelRatio: 2,
    addEventListener: page.addEventListener.bind(page),
    document: { documentElement: new EventTarget(), pointerLockElement: null },
    matchMedia: () => ({ addEventListener: (_: string, fn: () => void) => (zoomed = fn) }),
  });
  const clock = new FakeClock();
  const wishes: Wish[] = [];
  const moved: (Point | null)[] = [];
  const style: Record<string, string> = {};
  const classes = new Set<string>();
  const classList = { toggle: (name: string, on: boolean) => (on ? classes.add(name) : classes.delete(name)) };
  const frame = { style, classList, dataset: {} } as unknown as HTMLElement;
  const video = Object.assign(new EventTarget(), { videoWidth: 0, videoHeight: 0, style: {} }) as unknown as HTMLVideoElement;
  const canvas = { hidden: true, style: {} as Record<string, string> };
  const stage = { contains: () => true, getBoundingClientRect: () => ({ left: 0, top: 0 }) } as unknown as HTMLElement;
  const made = new Screen(clock, stage, frame, video, canvas as unknown as HTMLCanvasElement, mode, true, {
    wish: (wish) => wishes.push(wish),
    moved: (pointer) => moved.push(pointer),
    presented: () => {},
  });
  /** The tab gets a size in CSS pixels, and a device pixel ratio. */
  const resize = (width: number, height: number, ratio = 2) => {
    if (ratio !== devicePixelRatio) {
      Object.assign(globalThis, { devicePixelRatio: ratio });
      zoomed();
    }
    resized([{ contentRect: { width, height } }]);
  };
  const draw = () => frames.splice(0).forEach((fn) => fn());
  return { clock, wishes, moved, style, canvas, classes, resize, draw, screen: made };
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
  assert.deepEqual(wishes, [{ width: 1000, height: 600, scale: 2 }]);
  s.wish(true);
  assert.equal(wishes.length, 2, "at once when the desktop is a new one");
});

test("the desktop is to draw as large as the tab does, if the person wants that", () => {
  const { clock, wishes, resize, draw, screen: s } = screen();
  const wished = () => {
    draw();
    clock.turn(200);
    return wishes.splice(0).at(-1);
  };
  resize(1093.6, 616.8, 1.25);
  assert.deepEqual(wished(), { width: 1367, height: 771, scale: 1.25 });
  resize(410.1, 231.3, 10 / 3);
  assert.deepEqual(wished(), { width: 1367, height: 771, scale: 3.333 });
  resize(2000, 1000, 0.3);
  assert.deepEqual(wished(), { width: 600, height: 300, scale: 0.5 });
  s.scaled = false;
  assert.deepEqual(wished(), { width: 600, height: 300, scale: 1 });
  resize(100, 30, 2);
  assert.equal(wished(), undefined, "no desktop is so low");
  s.mode = "scale";
  resize(500, 500, 2);
  assert.equal(wished(), undefined, "it is scaled");
});

test("of a desktop larger than the tab another part is seen by panning, on whole device pixels", () => {
  const { moved, style, classes, resize, draw, screen: s } = screen("off");
  resize(400, 300, 2);
  draw();
  s.shown = "ws";
  s.size = { width: 1000, height: 500 };
  s.paint({ width: 1000, height: 500 });
  assert.deepEqual([style.left, style.top, style.width, style.height], ["0px", "25px", "500px", "250px"]);
  assert.deepEqual(s.panning.room, { x: 100, y: 0 }, "one bar, below");
  assert.ok(s.panning.by({ x: 33.3, y: 0 }));
  assert.equal(style.left, "-33.5px");
  assert.ok(classes.has("exact"));
  assert.equal(moved.at(-1), null);
  s.size = { width: 1000, height: 590 };
  s.paint({ width: 1000, height: 590 });
  assert.deepEqual(s.panning.room, { x: 112, y: 7 }, "the bar below takes room from the other side as well");
  s.mode = "scale";
  assert.deepEqual(s.panning.room, { x: 0, y: 0 });
  assert.deepEqual([style.left, style.width], ["0px", "400px"]);
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
