/** DOM events of mouse, pen and fingers, handed on. */

import type { Clipboard } from "../clipboard.ts";
import type { Clock } from "../clock.ts";
import type { Point } from "../geometry.ts";
import type { Keyboard } from "../keyboard/keyboard.ts";
import type { Screen } from "../screen.ts";
import type { Pointing } from "./pointing.ts";
import { Touch } from "./touch.ts";
import { Wheel, Zoom } from "./wheel.ts";

export interface Surface {
  clock: Clock;
  screen: Screen;
  /** Takes the focus when the picture is touched. */
  sink: HTMLTextAreaElement;
  pointing: Pointing;
  /** Presses what is latched for the next click. */
  keyboard: Keyboard;
  clipboard: Clipboard;
  /** Whether the person may act on the desktop at the moment. */
  live(): boolean;
}

/** Fingers that come down this soon after a pen was seen are the hand that holds it, in ms. */
const PALM = 500;

/** MouseEvent.buttons has a bit for each MouseEvent.button. */
const bits = [1, 4, 2, 8, 16, 32];

/**
 * Listens, for as long as the page lives. What it returns is called when the
 * person may have come to act on the desktop, or something may have gone that lay
 * over it: a pointer that has come to rest meanwhile makes no further event.
 */
export function listenPointer(surface: Surface): () => void {
  const { clock, screen, pointing } = surface;
  const touch = new Touch(
    clock,
    pointing.pointer,
    ({ x, y }) => screen.remoteAt(x, y),
    (by) => screen.panning.by(by),
  );
  listenTouch(surface, touch);
  listenButtons(surface, touch);
  listenLocked(surface);
  listenWheel(surface);
  listenPinch(surface, touch);
  // Focus stays with the sink; no menu, no autoscroll, no going back in history, no pasting by the middle button.
  for (const type of ["mousedown", "mouseup", "auxclick", "contextmenu", "dragstart"] as const) {
    screen.stage.addEventListener(type, (event) => event.preventDefault());
  }
  return listenMotion(surface, touch);
}

const isFinger = (event: PointerEvent): boolean => event.pointerType === "touch";

/** Where the mouse and the pen are. */
function listenMotion({ screen, pointing, live }: Surface, touch: Touch): () => void {
  const { stage } = screen;
  const { pointer, arrow } = pointing;
  const at = (event: PointerEvent) => screen.remoteAt(event.clientX, event.clientY);
  /** Where the pointer is, if the desktop has not been told. */
  let missed: PointerEvent | null = null;
  addEventListener("pointermove", (event) => {
    if (!event.isPrimary || isFinger(event)) return;
    const over = stage.contains(event.target as Node);
    missed = live() && over ? null : event;
    arrow.at(over ? { x: event.clientX, y: event.clientY } : null);
  });
  stage.addEventListener("pointerleave", () => arrow.at(null));
  const move = (event: Event) => {
    if (!(event instanceof PointerEvent) || !event.isPrimary || isFinger(event) || !live()) return;
    // A button that went up where the page did not hear of it.
    if (event.buttons === 0 && pointer.holding && !touch.active) pointer.upAll();
    pointer.move(at(event));
  };
  stage.addEventListener("pointermove", move);
  if ("onpointerrawupdate" in stage) stage.addEventListener("pointerrawupdate", move);
  return () => {
    if (!missed || !live()) return;
    if (!stage.contains(document.elementFromPoint(missed.clientX, missed.clientY))) return;
    pointer.move(at(missed));
    missed = null;
  };
}

/** The buttons of mouse and pen. */
function listenButtons({ screen, sink, pointing, keyboard, clipboard, live }: Surface, touch: Touch): void {
  const { stage, frame } = screen;
  const { pointer, lock } = pointing;
  const at = (event: MouseEvent) => screen.remoteAt(event.clientX, event.clientY);
  stage.addEventListener("pointerdown", (event) => {
    sink.focus({ preventScroll: true });
    if (!live() || !(event.isPrimary || isFinger(event))) return;
    screen.resume();
    void clipboard.gesture();
    keyboard.engage(event);
    if (isFinger(event)) return;
    if (!lock.locked) frame.setPointerCapture(event.pointerId);
    pointer.down(event.button, at(event));
  });
  // A further button, while one is held, comes as motion.
  stage.addEventListener("pointermove", (event) => {
    if (event.button < 0 || !event.isPrimary || isFinger(event) || !live()) return;
    if (event.buttons & (bits[event.button] ?? 0)) pointer.down(event.button, at(event));
    else pointer.up(event.button, at(event));
  });
  stage.addEventListener("pointerup", (event) => {
    if (!event.isPrimary || isFinger(event)) return;
    pointer.up(event.button, at(event));
    pointer.upAll();
    keyboard.unlatch();
  });
  for (const type of ["pointercancel", "lostpointercapture"] as const) {
    stage.addEventListener(type, (event) => {
      if (isFinger(event)) touch.cancel(event.pointerId);
      else if (!lock.locked) pointer.upAll();
    });
  }
}

function listenTouch({ clock, screen, keyboard, live }: Surface, touch: Touch): void {
  const { stage } = screen;
  let pen = -Infinity;
  const on = (type: "pointerdown" | "pointermove" | "pointerup", act: (id: number, at: Point) => void) =>
    stage.addEventListener(type, (event) => {
      if (event.pointerType === "pen") pen = clock.now();
      else if (isFinger(event)) act(event.pointerId, { x: event.clientX, y: event.clientY });
    });
  on("pointerdown", (id, at) => {
    if (live() && clock.now() - pen > PALM) touch.down(id, at);
  });
  on("pointermove", (id, at) => {
    if (live()) touch.move(id, at);
    else touch.cancel(id);
  });
  on("pointerup", (id) => {
    if (live()) touch.up(id);
    else touch.cancel(id);
    if (!touch.active) keyboard.unlatch();
  });
  addEventListener("blur", () => touch.stop());
  document.addEventListener("visibilitychange", () => touch.stop());
}

/**
 * How far the locked pointer moves. Raw updates say it early, and mouse events
 * how far it was in all: not every browser fills in the movement of the former.
 */
function listenLocked({ screen, pointing, live }: Surface): void {
  const { stage } = screen;
  const { pointer, arrow, lock } = pointing;
  let early: Point = { x: 0, y: 0 };
  document.addEventListener("pointerlockchange", () => (early = { x: 0, y: 0 }));
  const shift = (x: number, y: number) => {
    if (!live() || (x === 0 && y === 0)) return;
    const { density } = screen;
    const by = { x: x * density, y: y * density };
    pointer.shift(by);
    arrow.shift(by);
  };
  stage.addEventListener("mousemove", ({ movementX, movementY }) => {
    if (!lock.locked) return;
    shift(movementX - early.x, movementY - early.y);
    early = { x: 0, y: 0 };
  });
  if (!("onpointerrawupdate" in stage)) return;
  stage.addEventListener("pointerrawupdate", (event) => {
    if (!lock.locked || !(event instanceof PointerEvent)) return;
    const { movementX, movementY } = event;
    early = { x: early.x + movementX, y: early.y + movementY };
    shift(movementX, movementY);
  });
}

function listenWheel({ screen, pointing, live }: Surface): void {
  const { pointer } = pointing;
  const wheel = new Wheel();
  let control = false;
  const key = (event: KeyboardEvent) => {
    if (event.key === "Control") control = event.type === "keydown";
  };
  addEventListener("keydown", key, { capture: true });
  addEventListener("keyup", key, { capture: true });
  addEventListener("blur", () => (control = false));
  screen.stage.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      if (!live()) return;
      const at = screen.remoteAt(event.clientX, event.clientY);
      const pinch = event.ctrlKey && !control;
      const turn = pinch ? wheel.pinch(event) : wheel.add(event);
      if (!turn) return;
      if (pinch) pointer.pinch(turn, at);
      else pointer.wheel(turn, at);
    },
    { passive: false },
  );
}

/** Safari's own events of a pinch on a trackpad (WebKit GestureEvent): how far apart the fingers are, 1 at the start. */
function listenPinch({ screen, pointing, live }: Surface, touch: Touch): void {
  type Gesture = MouseEvent & { readonly scale: number };
  let scale = 1;
  let zoom = new Zoom();
  screen.stage.addEventListener("gesturestart", (event) => {
    event.preventDefault();
    scale = 1;
    zoom = new Zoom();
  });
  screen.stage.addEventListener("gesturechange", (event) => {
    event.preventDefault();
    const gesture = event as Gesture;
    const turn = gesture.scale > 0 ? zoom.by(gesture.scale / scale) : null;
    scale = gesture.scale > 0 ? gesture.scale : scale;
    // Where fingers touch the picture, they have been seen as such.
    if (turn && live() && !touch.active) pointing.pointer.pinch(turn, screen.remoteAt(gesture.clientX, gesture.clientY));
  });
}
