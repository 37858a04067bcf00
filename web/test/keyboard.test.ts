import assert from "node:assert/strict";
import { test } from "node:test";
import { Keyboard, renewing, type KeyChoice } from "../src/keyboard/keyboard.ts";
import { isPaste, type KeyStroke, type Platform } from "../src/keyboard/stroke.ts";
import { Action, type InputEvent } from "../src/wire.ts";
import { FakeClock, settle } from "./fakes.ts";

const signs = { [Action.Up]: "-", [Action.Down]: "+", [Action.Repeat]: "=" };

/** A keyboard whose events are written as "+KeyA", "-KeyA", "=KeyA", or with the keysym where there is no code. */
function board(platform: Platform = "other", choice: Partial<KeyChoice> = {}) {
  const clock = new FakeClock();
  const typed: string[] = [];
  const syms: number[] = [];
  const told: string[] = [];
  const send = (event: InputEvent) => {
    if (event.type === "text") typed.push(JSON.stringify(event.text));
    if (event.type === "locks") told.push(`${event.caps ? "caps" : "-"} ${event.num ? "num" : "-"} before ${typed.length}`);
    if (event.type !== "key") return;
    syms.push(event.keysym);
    typed.push(signs[event.action] + (event.code || event.keysym.toString(16)));
  };
  const ways = { places: () => false, command: () => "super" as const, latched: () => {}, ...choice };
  const keyboard = new Keyboard(clock, platform, send, ways);
  const stroke = (code: string, key: string, more: Partial<KeyStroke> & { mods?: string[] } = {}): KeyStroke => ({
    code,
    key,
    location: code.endsWith("Right") ? 2 : code.endsWith("Left") ? 1 : 0,
    repeat: false,
    metaKey: false,
    timeStamp: clock.now(),
    getModifierState: (name) => more.mods?.includes(name) ?? false,
    ...more,
  });
  return { clock, typed, syms, told, keyboard, stroke };
}

test("a key goes down, repeats and goes up", () => {
  const { keyboard, stroke, typed } = board();
  keyboard.down(stroke("KeyA", "a"));
  keyboard.down(stroke("KeyA", "a", { repeat: true }));
  assert.ok(keyboard.holding);
  keyboard.up(stroke("KeyA", "a"));
  assert.deepEqual(typed, ["+KeyA", "=KeyA", "-KeyA"]);
  assert.ok(!keyboard.holding);
});

test("a key goes up with the keysym that it went down with", () => {
  const { keyboard, stroke, syms } = board();
  keyboard.down(stroke("KeyA", "A"));
  keyboard.up(stroke("KeyA", "a"));
  assert.deepEqual(syms, [0x41, 0x41]);
});

test("a modifier held while the desktop was away is pressed again with the next key, if it still is", () => {
  const shift = { mods: ["Shift"] };
  for (const [name, held, want] of [
    ["held", true, ["+ShiftLeft", "+KeyB", "-KeyB", "-ShiftLeft"]],
    ["let go of elsewhere", false, ["+KeyB", "-KeyB"]],
  ] as const) {
    const { keyboard, stroke, typed } = board();
    keyboard.down(stroke("ShiftLeft", "Shift", shift));
    keyboard.down(stroke("KeyA", "A", shift));
    keyboard.suspend();
    keyboard.suspend();
    typed.length = 0;
    const mods = held ? shift : {};
    keyboard.up(stroke("KeyA", "A", mods));
    keyboard.down(stroke("KeyB", "B", mods));
    keyboard.up(stroke("KeyB", "B", mods));
    keyboard.up(stroke("ShiftLeft", "Shift"));
    assert.deepEqual(typed, want, name);
  }
  const { keyboard, stroke, typed } = board();
  keyboard.down(stroke("ShiftLeft", "Shift", shift));
  keyboard.suspend();
  keyboard.up(stroke("ShiftLeft", "Shift"));
  keyboard.down(stroke("ShiftRight", "Shift", shift));
  keyboard.down(stroke("KeyB", "B", shift));
  assert.deepEqual(typed, ["+ShiftLeft", "+ShiftRight", "+KeyB"], "let go of meanwhile");
});

test("strokes that began elsewhere are not sent", () => {
  const { keyboard, stroke, typed } = board();
  keyboard.up(stroke("KeyA", "a"));
  keyboard.down(stroke("KeyB", "b", { repeat: true }));
  keyboard.down(stroke("KeyC", "c"));
  keyboard.release();
  keyboard.down(stroke("KeyC", "c", { repeat: true }));
  keyboard.up(stroke("KeyC", "c"));
  assert.deepEqual(typed, ["+KeyC"]);
});

test("AltGr on Windows comes without the Control that Windows adds", () => {
  const { clock, keyboard, stroke, typed } = board("windows");
  keyboard.down(stroke("ControlLeft", "Control", { mods: ["Control"] }));
  keyboard.down(stroke("AltRight", "AltGraph"));
  keyboard.down(stroke("KeyE", "€"));
  keyboard.up(stroke("KeyE", "€"));
  keyboard.up(stroke("ControlLeft", "Control"));
  keyboard.up(stroke("AltRight", "AltGraph"));
  clock.turn(1000);
  assert.deepEqual(typed, ["+AltRight", "+KeyE", "-KeyE", "-AltRight"]);
});

test("a Control of its own is sent on Windows, late or before the next key", () => {
  const { clock, keyboard, stroke, typed } = board("windows");
  keyboard.down(stroke("ControlLeft", "Control", { mods: ["Control"] }));
  assert.deepEqual(typed, []);
  clock.turn(50);
  assert.deepEqual(typed, ["+ControlLeft"]);
  keyboard.up(stroke("ControlLeft", "Control"));
  keyboard.down(stroke("ControlLeft", "Control", { mods: ["Control"] }));
  keyboard.down(stroke("KeyC", "c", { mods: ["Control"] }));
  clock.turn(50);
  assert.deepEqual(typed.slice(1), ["-ControlLeft", "+ControlLeft", "+KeyC"]);
});

test("a modifier whose keyup went elsewhere is let go of", () => {
  const { keyboard, stroke, typed } = board();
  keyboard.down(stroke("ShiftLeft", "Shift", { mods: ["Shift"] }));
  keyboard.down(stroke("KeyA", "a"));
  assert.deepEqual(typed, ["+ShiftLeft", "-ShiftLeft", "+KeyA"]);
});

test("macOS: keys with the command key, and Caps Lock, are taps", () => {
  const { keyboard, stroke, typed } = board("mac");
  keyboard.down(stroke("MetaLeft", "Meta", { metaKey: true, mods: ["Meta"] }));
  keyboard.down(stroke("KeyC", "c", { metaKey: true, mods: ["Meta"] }));
  keyboard.up(stroke("MetaLeft", "Meta"));
  keyboard.down(stroke("CapsLock", "CapsLock"));
  keyboard.up(stroke("CapsLock", "CapsLock"));
  assert.deepEqual(typed, [
    "+MetaLeft", "+KeyC", "-KeyC", "-MetaLeft",
    "+CapsLock", "-CapsLock", "+CapsLock", "-CapsLock",
  ]);
  assert.ok(!keyboard.holding);
});

test("macOS: Option goes around the characters that it makes, and stays with the others", () => {
  const option = { mods: ["Alt"] };
  const cases: [string, string, Partial<KeyStroke> & { mods?: string[] }, string[]][] = [
    ["KeyA", "å", option, ["-AltLeft", "+KeyA", "-KeyA"]],
    ["Digit5", "[", option, ["-AltLeft", "+Digit5", "-Digit5"]],
    ["Tab", "Tab", option, ["+Tab", "-Tab", "-AltLeft"]],
    ["KeyA", "a", option, ["+KeyA", "-KeyA", "-AltLeft"]],
    ["KeyA", "å", { mods: ["Alt", "Control"] }, ["+KeyA", "-KeyA", "-AltLeft"]],
  ];
  for (const platform of ["mac", "other"] as const) {
    for (const [code, key, more, onMac] of cases) {
      const { keyboard, stroke, typed } = board(platform);
      keyboard.down(stroke("AltLeft", "Alt", option));
      keyboard.down(stroke(code, key, more));
      keyboard.up(stroke(code, key, more));
      keyboard.up(stroke("AltLeft", "Alt"));
      const want = platform === "mac" ? onMac : [`+${code}`, `-${code}`, "-AltLeft"];
      assert.deepEqual(typed, ["+AltLeft", ...want], `${platform} ${key}`);
    }
  }
  const { keyboard, stroke, typed } = board("mac");
  keyboard.down(stroke("AltLeft", "Alt", option));
  for (const key of ["å", "ß", "Tab"]) {
    keyboard.down(stroke(key, key, option));
    keyboard.up(stroke(key, key, option));
  }
  assert.deepEqual(typed, ["+AltLeft", "-AltLeft", "+å", "-å", "+ß", "-ß", "+AltLeft", "+Tab", "-Tab"]);
});

test("composed text goes as text", () => {
  const { keyboard, typed } = board();
  keyboard.text("ê字\u0007\r\n👩‍👩‍👧");
  assert.deepEqual(typed, [JSON.stringify("ê字\n👩‍👩‍👧")]);
});

test("strokes wait for the clipboard in their order, and are forgotten with a release", async () => {
  const { keyboard, stroke, typed } = board();
  let ready = () => {};
  keyboard.pause(new Promise<void>((resolve) => (ready = resolve)));
  keyboard.down(stroke("KeyV", "v"));
  keyboard.up(stroke("KeyV", "v"));
  assert.deepEqual(typed, []);
  ready();
  await settle();
  assert.deepEqual(typed, ["+KeyV", "-KeyV"]);

  keyboard.pause(new Promise<void>((resolve) => (ready = resolve)));
  keyboard.down(stroke("KeyV", "v"));
  keyboard.release();
  ready();
  await settle();
  assert.deepEqual(typed, ["+KeyV", "-KeyV"]);
});

test("the lease is renewed every 500 ms while something is held", () => {
  const clock = new FakeClock();
  let holding = false;
  let renewals = 0;
  const stop = renewing(clock, () => holding, () => renewals++);
  clock.turn(2000);
  assert.equal(renewals, 0);
  holding = true;
  clock.turn(2000);
  assert.equal(renewals, 4);
  stop();
  clock.turn(2000);
  assert.equal(renewals, 4);
});

test("paste gestures", () => {
  const { stroke } = board();
  const cases: [KeyStroke, boolean][] = [
    [stroke("KeyV", "v", { mods: ["Control"] }), true],
    [stroke("KeyV", "V", { mods: ["Control", "Shift"] }), true],
    [stroke("KeyV", "v", { metaKey: true }), true],
    [stroke("Insert", "Insert", { mods: ["Shift"] }), true],
    [stroke("KeyV", "м", { mods: ["Control"] }), true],
    [stroke("KeyV", "ה", { metaKey: true }), true],
    [stroke("KeyV", "k", { mods: ["Control"] }), false],
    [stroke("KeyV", "é", { mods: ["Control"] }), false],
    [stroke("KeyV", "Unidentified", { mods: ["Control"] }), false],
    [stroke("KeyM", "м", { mods: ["Control"] }), false],
    [stroke("KeyV", "v"), false],
    [stroke("KeyV", "v", { mods: ["Control"], repeat: true }), false],
    [stroke("Insert", "Insert"), false],
  ];
  for (const [key, want] of cases) assert.equal(isPaste(key), want, `${key.key} ${key.code}`);
});
