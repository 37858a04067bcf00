import assert from "node:assert/strict";
import { test } from "node:test";
import { listen, type Desk } from "../src/desk.ts";
import { TextInput } from "../src/keyboard/textinput.ts";
import { FakeClock } from "./fakes.ts";

/** An element, as far as the desk looks at one. */
class FakeElement extends EventTarget {
  value = "";
  inputMode = "none";
  classList = { add() {}, remove() {} };
  clientWidth = 100;
  clientHeight = 100;

  constructor(private readonly ours = false) {
    super();
  }

  contains(other: unknown): boolean {
    return other === this;
  }

  closest(): unknown {
    return this.ours ? this : null;
  }

  focus(): void {}
  setSelectionRange(): void {}
  setPointerCapture(): void {}
  onpointerrawupdate = null;
}

class FakePointerEvent extends Event {}

/** A desk whose parts write down what they are told. */
function desk(initial = true, resuming = false) {
  let live = initial;
  const page = new EventTarget();
  const sink = new FakeElement();
  const stage = new FakeElement();
  const root = Object.assign(new EventTarget(), { activeElement: sink, hidden: false, elementFromPoint: () => stage });
  Object.assign(globalThis, {
    addEventListener: page.addEventListener.bind(page),
    document: root,
    Element: FakeElement,
    PointerEvent: FakePointerEvent,
  });
  const did: string[] = [];
  const note = (name: string) => (...args: unknown[]) =>
    void did.push([name, ...args.filter((arg) => /string|number/.test(typeof arg))].join(" "));
  const parts = (name: string, ...methods: string[]) =>
    Object.fromEntries(methods.map((method) => [method, note(`${name}.${method}`)]));
  const keyboard = parts("keyboard", "down", "up", "text", "chord", "pause", "engage", "unlatch");
  const typing = () => live || resuming;
  const lock = { locked: false };
  const catchUp = listen({
    screen: { stage, frame: stage, remoteAt: () => ({ x: 1, y: 2 }), density: 2, ...parts("screen", "resume") },
    sink,
    keyboard,
    text: new TextInput(sink as unknown as HTMLTextAreaElement, "other", keyboard as never, typing),
    clock: new FakeClock(),
    pointing: {
      pointer: { ...parts("pointer", "move", "down", "up", "upAll", "wheel", "pinch", "shift"), holding: true },
      arrow: { at() {}, shift() {} },
      lock,
    },
    clipboard: parts("clipboard", "gesture", "copying", "beforePaste", "pasted", "focused"),
    live: () => live,
    typing,
    release: note("release"),
    toolbar: note("toolbar"),
  } as unknown as Desk);
  /** Dispatches an event with these fields; says what was done, and whether the browser's own doing was prevented. */
  const fire = (target: EventTarget, type: string, fields: object = {}, at?: FakeElement): string[] => {
    did.length = 0;
    const made = /^(pointer(?!lock)|lostp)/.test(type) ? new FakePointerEvent(type, { cancelable: true }) : new Event(type, { cancelable: true });
    Object.entries({ target: at ?? sink, ...fields }).forEach(([name, value]) => Object.defineProperty(made, name, { value }));
    target.dispatchEvent(made);
    return [...did, ...(made.defaultPrevented ? ["prevented"] : [])];
  };
  /** What was done when the person may act, or not any more. */
  const turn = (now: boolean): string[] => {
    did.length = 0;
    live = now;
    catchUp();
    return [...did];
  };
  return { page, sink, stage, root, lock, fire, turn };
}

const stroke = (key: string, mods: string[] = [], more: object = {}) => ({
  key, code: "", keyCode: 0, repeat: false, isComposing: false, metaKey: false,
  ctrlKey: mods.includes("Control"), altKey: mods.includes("Alt"), shiftKey: mods.includes("Shift"),
  getModifierState: (name: string) => mods.includes(name),
  ...more,
});

test("strokes go to the desktop, except for the page's own and the way out", () => {
  const down = ["clipboard.gesture", "keyboard.down", "prevented"];
  const all = ["Control", "Alt", "Shift"];
  const cases: [string, ReturnType<typeof stroke>, string[]][] = [
    ["a key", stroke("a"), down],
    ["a copy", stroke("c", ["Control"]), ["clipboard.copying", ...down]],
    ["a paste", stroke("v", ["Control"]), ["clipboard.beforePaste", "keyboard.pause", "keyboard.down"]],
    ["the way out", stroke("Shift", all), ["release", "toolbar", "prevented"]],
    ["a key with all three", stroke("a", all), down],
    ["AltGr and Shift on Windows", stroke("Shift", [...all, "AltGraph"]), down],
    ["an input method", stroke("Process", [], { keyCode: 229 }), []],
    ["a dead key", stroke("Dead"), []],
  ];
  for (const [name, event, want] of cases) {
    const { page, fire } = desk();
    assert.deepEqual(fire(page, "keydown", event), want, name);
    assert.deepEqual(fire(page, "keydown", event, new FakeElement(true)), [], `${name}, in the page's own controls`);
    const watching = desk(false);
    assert.deepEqual(watching.fire(watching.page, "keydown", event), [], `${name}, while watching`);
  }
});

test("what is typed while the connection comes back is taken", () => {
  const { page, sink, stage, fire } = desk(false, true);
  assert.deepEqual(fire(page, "keydown", stroke("a")), ["clipboard.gesture", "keyboard.down", "prevented"]);
  assert.deepEqual(fire(page, "keyup", stroke("a")), ["keyboard.up", "prevented"]);
  assert.deepEqual(fire(sink, "compositionend", { data: "ê" }), ["keyboard.text ê"]);
  assert.deepEqual(fire(stage, "pointermove", { isPrimary: true, button: -1 }), []);
});

test("text, pastes and buttons reach their part; leaving lets go", () => {
  const { page, sink, stage, root, fire } = desk();
  assert.deepEqual(fire(sink, "compositionend", { data: "ê" }), ["keyboard.text ê"]);
  assert.deepEqual(fire(sink, "input", { inputType: "insertText", data: "x" }), ["keyboard.text x"]);
  assert.deepEqual(fire(sink, "input", { inputType: "insertCompositionText", data: "x" }), []);
  const clipboardData = { getData: () => "text", files: [] };
  assert.deepEqual(fire(page, "paste", { clipboardData }), ["clipboard.pasted", "prevented"]);
  const press = { isPrimary: true, pointerId: 1, button: 2, buttons: 2, offsetX: 5, offsetY: 5 };
  assert.deepEqual(fire(stage, "pointerdown", press), ["screen.resume", "clipboard.gesture", "keyboard.engage", "pointer.down 2"]);
  assert.deepEqual(fire(stage, "pointerup", press), ["pointer.up 2", "pointer.upAll", "keyboard.unlatch"]);
  assert.deepEqual(fire(stage, "pointerdown", { ...press, isPrimary: false }), []);
  assert.deepEqual(fire(stage, "contextmenu"), ["prevented"]);
  assert.deepEqual(fire(page, "blur"), ["release"]);
  root.hidden = true;
  assert.deepEqual(fire(root, "visibilitychange"), ["release"]);
});

test("a pointer that came to rest before the desktop was there is where it was left", () => {
  const { page, stage, root, fire, turn } = desk(false);
  const moved = { isPrimary: true, button: -1, buttons: 1, clientX: 3, clientY: 4 };
  const move = (at: FakeElement) => [...fire(stage, "pointermove", moved, at), ...fire(page, "pointermove", moved, at)];
  assert.deepEqual(turn(true), [], "a pointer that has not moved");
  assert.deepEqual(turn(false), []);
  assert.deepEqual(move(stage), [], "nobody to be told");
  assert.deepEqual(turn(false), []);
  assert.deepEqual(turn(true), ["pointer.move"]);
  assert.deepEqual(turn(true), [], "told once");
  assert.deepEqual(move(stage), ["pointer.move"]);
  assert.deepEqual(turn(true), [], "told at once");

  const card = new FakeElement(true);
  root.elementFromPoint = () => card;
  assert.deepEqual(fire(page, "pointermove", moved, card), [], "over the card");
  assert.deepEqual(turn(true), [], "still under the card");
  root.elementFromPoint = () => stage;
  assert.deepEqual(turn(true), ["pointer.move"], "the card has gone");
});

test("buttons that go up unheard are let go, whoever took them", () => {
  const { stage, fire } = desk();
  const mouse = { isPrimary: true, pointerType: "mouse", button: -1, buttons: 0 };
  assert.deepEqual(fire(stage, "pointermove", mouse), ["pointer.upAll", "pointer.move"]);
  assert.deepEqual(fire(stage, "lostpointercapture", mouse), ["pointer.upAll"]);
  assert.deepEqual(fire(stage, "pointercancel", mouse), ["pointer.upAll"]);
});

test("further buttons come as motion, a pen's eraser too", () => {
  const { stage, fire } = desk();
  const chord = (button: number, buttons: number) =>
    fire(stage, "pointermove", { isPrimary: true, pointerType: "pen", button, buttons }).filter((what) => what !== "pointer.move");
  assert.deepEqual(chord(2, 3), ["pointer.down 2"]);
  assert.deepEqual(chord(2, 1), ["pointer.up 2"]);
  assert.deepEqual(chord(5, 33), ["pointer.down 5"]);
});

test("fingers are gestures, and none while a pen is about", () => {
  const { page, stage, fire } = desk();
  const finger = { isPrimary: true, pointerId: 7, pointerType: "touch", button: 0, buttons: 1, clientX: 5, clientY: 6 };
  assert.deepEqual(fire(stage, "pointerdown", finger), ["screen.resume", "clipboard.gesture", "keyboard.engage"]);
  assert.deepEqual(fire(stage, "pointermove", { ...finger, clientX: 50 }), ["pointer.down 0", "pointer.move"]);
  assert.deepEqual(fire(stage, "pointercancel", finger), ["pointer.upAll"]);
  assert.deepEqual(fire(stage, "lostpointercapture", finger), []);
  fire(stage, "pointerdown", finger);
  assert.deepEqual(fire(stage, "pointerup", finger), ["pointer.down 0", "pointer.up 0", "keyboard.unlatch"]);
  fire(stage, "pointerdown", finger);
  assert.deepEqual(fire(page, "blur"), ["release", "pointer.upAll"]);
  fire(stage, "pointermove", { ...finger, pointerType: "pen" });
  fire(stage, "pointerdown", finger);
  assert.deepEqual(fire(stage, "pointerup", finger), ["keyboard.unlatch"]);
});

test("a finger that was down when control was lost is none any more", () => {
  const { stage, fire, turn } = desk();
  const finger = { isPrimary: true, pointerId: 7, pointerType: "touch", button: 0, buttons: 1, clientX: 5, clientY: 6 };
  fire(stage, "pointerdown", finger);
  turn(false);
  fire(stage, "pointerup", finger);
  turn(true);
  fire(stage, "pointerdown", { ...finger, pointerId: 8 });
  assert.deepEqual(fire(stage, "pointerup", { ...finger, pointerId: 8 }), ["pointer.down 0", "pointer.up 0", "keyboard.unlatch"]);
});

test("a locked mouse says how far it has moved: early by raw updates, in all by mouse events", () => {
  const { stage, lock, fire } = desk();
  const by = (type: string, movementX: number, movementY: number) => {
    const did = fire(stage, type, { movementX, movementY, isPrimary: true, buttons: 1 });
    return did.filter((what) => what.startsWith("pointer.shift")).length;
  };
  assert.equal(by("mousemove", 5, 5), 0, "it is free");
  lock.locked = true;
  assert.equal(by("pointerrawupdate", 2, 0), 1);
  assert.equal(by("pointerrawupdate", 1, 0), 1);
  assert.equal(by("mousemove", 3, 0), 0, "known already");
  assert.equal(by("mousemove", 3, 1), 1, "raw updates that say nothing");
});

test("a pinch is told from Control and the wheel", () => {
  const { page, stage, fire } = desk();
  const turn = { deltaX: 0, deltaY: -28, deltaMode: 0, ctrlKey: true };
  assert.deepEqual(fire(stage, "wheel", turn), ["pointer.pinch", "prevented"]);
  fire(page, "keydown", stroke("Control", ["Control"]));
  assert.deepEqual(fire(stage, "wheel", turn), ["pointer.wheel", "prevented"]);
  fire(page, "keyup", stroke("Control"));
  assert.deepEqual(fire(stage, "wheel", turn), ["pointer.pinch", "prevented"]);
});

test("whatever takes the person away lets go; the page's own controls leave what was latched there", () => {
  const cases: [string, (made: ReturnType<typeof desk>) => string[], string[]][] = [
    ["another window", ({ page, fire }) => fire(page, "blur"), ["release"]],
    ["another page", ({ page, fire }) => fire(page, "pagehide"), ["release"]],
    ["another tab", ({ root, fire }) => ((root.hidden = true), fire(root, "visibilitychange")), ["release"]],
    ["this tab again", ({ root, fire }) => fire(root, "visibilitychange"), []],
    ["a control of the page", ({ page, fire }) => fire(page, "focusin", {}, new FakeElement(true)), ["release kept"]],
    ["the desktop itself", ({ page, fire }) => fire(page, "focusin"), []],
  ];
  for (const [name, leave, want] of cases) assert.deepEqual(leave(desk()), want, name);
});

test("Safari's pinch on a trackpad zooms", () => {
  const { stage, fire, turn } = desk();
  assert.deepEqual(fire(stage, "gesturestart"), ["prevented"]);
  assert.deepEqual(fire(stage, "gesturechange", { scale: 1.1 }), ["prevented"]);
  assert.deepEqual(fire(stage, "gesturechange", { scale: 1.2 }), ["pointer.pinch", "prevented"]);
  assert.deepEqual(fire(stage, "gesturechange", { scale: NaN }), ["prevented"]);
  turn(false);
  assert.deepEqual(fire(stage, "gesturechange", { scale: 2 }), ["prevented"]);
});
