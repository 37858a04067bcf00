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

test("what is typed while strokes wait, however much, leaves nothing held, and no repeats", async () => {
  const { keyboard, stroke, typed } = board();
  const control = { mods: ["Control"] };
  let ready = () => {};
  keyboard.pause(new Promise<void>((resolve) => (ready = resolve)));
  keyboard.down(stroke("ControlLeft", "Control", control));
  keyboard.down(stroke("KeyV", "v", control));
  for (let i = 0; i < 200; i++) keyboard.down(stroke("KeyV", "v", { ...control, repeat: true }));
  keyboard.up(stroke("KeyV", "v", control));
  keyboard.down(stroke("KeyK", "k", control));
  ready();
  await settle();
  assert.deepEqual(typed.splice(0), ["+ControlLeft", "+KeyV", "-KeyV", "+KeyK"]);

  keyboard.pause(new Promise<void>((resolve) => (ready = resolve)));
  for (let i = 0; i < 100; i++) {
    keyboard.down(stroke("KeyA", "a", control));
    keyboard.up(stroke("KeyA", "a", control));
  }
  keyboard.up(stroke("KeyK", "k", control));
  ready();
  await settle();
  assert.ok(!keyboard.holding);
  assert.deepEqual(typed.splice(0).slice(-2), ["-ControlLeft", "-KeyK"]);
  keyboard.down(stroke("KeyB", "b", control));
  assert.deepEqual(typed, ["+ControlLeft", "+KeyB"]);
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

test("the locks are told before the first key, and before the next once they differ", () => {
  const { keyboard, stroke, told } = board();
  const type = (mods: string[]) => {
    keyboard.down(stroke("KeyA", "a", { mods }));
    keyboard.up(stroke("KeyA", "a", { mods }));
  };
  keyboard.down(stroke("ShiftLeft", "Shift", { mods: ["Shift"] }));
  keyboard.up(stroke("ShiftLeft", "Shift"));
  assert.deepEqual(told, [], "a modifier types nothing");
  type(["NumLock"]);
  type(["NumLock"]);
  keyboard.down(stroke("CapsLock", "CapsLock", { mods: ["NumLock", "CapsLock"] }));
  keyboard.up(stroke("CapsLock", "CapsLock", { mods: ["NumLock", "CapsLock"] }));
  type(["NumLock", "CapsLock"]);
  keyboard.release();
  type(["NumLock", "CapsLock"]);
  assert.deepEqual(told, ["- num before 2", "caps num before 8", "caps num before 10"]);
  const mac = board("mac");
  mac.keyboard.down(mac.stroke("KeyA", "a"));
  assert.deepEqual(mac.told, ["- num before 0"], "a Mac's keypad types digits");
});

test("a key that counts by its place has no keysym, down, repeated and up", () => {
  const { keyboard, stroke, typed, syms } = board("other", { places: ({ code }) => code === "KeyQ" || code === "ShiftLeft" });
  keyboard.down(stroke("ShiftLeft", "Shift", { mods: ["Shift"] }));
  keyboard.down(stroke("KeyQ", "A", { mods: ["Shift"] }));
  keyboard.down(stroke("KeyQ", "A", { repeat: true, mods: ["Shift"] }));
  keyboard.up(stroke("KeyQ", "A", { mods: ["Shift"] }));
  keyboard.down(stroke("F1", "F1"));
  assert.deepEqual(typed, ["+ShiftLeft", "+KeyQ", "=KeyQ", "-KeyQ", "-ShiftLeft", "+F1"]);
  assert.deepEqual(syms, [0, 0, 0, 0, 0, 0xffbe]);
});

test("macOS: the command key is Control with what follows, where it is to be, and nothing alone", () => {
  const command = { metaKey: true, mods: ["Meta"] };
  const { keyboard, stroke, typed, syms } = board("mac", { command: () => "ctrl" });
  keyboard.down(stroke("MetaLeft", "Meta", command));
  keyboard.up(stroke("MetaLeft", "Meta"));
  assert.deepEqual(typed, []);
  keyboard.down(stroke("MetaLeft", "Meta", command));
  keyboard.down(stroke("KeyC", "c", command));
  keyboard.down(stroke("KeyV", "v", command));
  keyboard.up(stroke("MetaLeft", "Meta"));
  assert.deepEqual(typed.splice(0), ["+ffe3", "+KeyC", "-KeyC", "+KeyV", "-KeyV", "-ffe3"]);
  assert.ok(!keyboard.holding);

  const both = { metaKey: true, mods: ["Meta", "Shift"] };
  keyboard.down(stroke("MetaLeft", "Meta", command));
  keyboard.down(stroke("ShiftLeft", "Shift", both));
  keyboard.down(stroke("KeyZ", "z", both));
  keyboard.up(stroke("ShiftLeft", "Shift", command));
  keyboard.up(stroke("MetaLeft", "Meta"));
  assert.deepEqual(typed.splice(0), ["+ShiftLeft", "+ffe3", "+KeyZ", "-KeyZ", "-ShiftLeft", "-ffe3"]);
  assert.ok(syms.includes(0x5a), "Z, as Shift is held");

  keyboard.engage({ metaKey: true });
  keyboard.down(stroke("KeyA", "a"));
  assert.deepEqual(typed, ["+ffe3", "-ffe3", "+KeyA"], "a click, and the keyup went elsewhere");
});

test("elsewhere, the Windows key is Super", () => {
  const { keyboard, stroke, syms } = board("windows", { command: () => "ctrl" });
  keyboard.down(stroke("MetaLeft", "Meta", { metaKey: true, mods: ["Meta"] }));
  assert.deepEqual(syms, [0xffeb]);
});

test("latched modifiers are held with the next key, text or click, once", () => {
  const CONTROL = 0xffe3;
  const SHIFT = 0xffe1;
  let changes = 0;
  const { keyboard, stroke, typed } = board("other", { latched: () => changes++ });
  keyboard.latch(CONTROL);
  keyboard.latch(SHIFT);
  keyboard.latch(SHIFT);
  assert.ok(keyboard.isLatched(CONTROL) && !keyboard.isLatched(SHIFT) && !keyboard.holding);
  for (const _ of [1, 2]) {
    keyboard.down(stroke("KeyC", "c"));
    keyboard.up(stroke("KeyC", "c"));
  }
  assert.deepEqual(typed.splice(0), ["+ffe3", "+KeyC", "-KeyC", "-ffe3", "+KeyC", "-KeyC"]);
  keyboard.latch(CONTROL);
  keyboard.text("c");
  keyboard.text("d");
  assert.deepEqual(typed.splice(0), ["+ffe3", "+63", "-63", "-ffe3", '"d"']);
  keyboard.latch(CONTROL);
  keyboard.engage({ metaKey: false });
  assert.ok(keyboard.holding);
  keyboard.unlatch();
  assert.deepEqual(typed.splice(0), ["+ffe3", "-ffe3"]);
  assert.equal(changes, 8);
  assert.ok(!keyboard.holding);
});

test("a chord goes down in its order, and up in the other", () => {
  const { keyboard, typed } = board();
  keyboard.chord([0xffe3, 0xffe9, 0xffff]);
  assert.deepEqual(typed, ["+ffe3", "+ffe9", "+ffff", "-ffff", "-ffe9", "-ffe3"]);
  assert.ok(!keyboard.holding);
});

test("whatever is typed, nothing is held once the keyboard is released, and what follows is balanced", () => {
  let seed = 7;
  const random = (n: number) => (seed = (seed * 48271) % 0x7fffffff) % n;
  const keys = [["KeyA", "a"], ["ShiftLeft", "Shift"], ["ControlLeft", "Control"], ["AltRight", "AltGraph"], ["AltLeft", "Alt"], ["MetaLeft", "Meta"], ["", "é"]] as const;
  for (const platform of ["windows", "mac", "other"] as const) {
    const { clock, keyboard, stroke, typed } = board(platform, { command: () => "ctrl" });
    for (let i = 0; i < 3000; i++) {
      const [code, key] = keys[random(keys.length)] ?? keys[0];
      const mods = ["Shift", "Control", "Alt", "Meta"].filter(() => random(2));
      const event = stroke(code, key, { mods, metaKey: mods.includes("Meta"), repeat: random(4) === 0 });
      if (random(2)) keyboard.down(event);
      else keyboard.up(event);
      if (random(9) === 0) keyboard.latch(0xffe3);
      if (random(9) === 0) keyboard.engage({ metaKey: random(2) === 1 });
      if (random(9) === 0) keyboard.text("x");
      clock.turn(random(60));
      if (random(50) === 0) {
        keyboard.release();
        keyboard.unlatch();
        typed.push("released");
      }
    }
    keyboard.release();
    keyboard.unlatch();
    assert.ok(!keyboard.holding);
    // As the server sees it: a press only of what is up, a release only of what is down.
    const down = new Set<string>();
    for (const [i, event] of typed.entries()) {
      const id = event.slice(1);
      if (event === "released") down.clear();
      else if (event.startsWith("+")) assert.ok(!down.has(id) && down.add(id), `${platform} ${i}: ${event} twice`);
      else if (event.startsWith("-")) assert.ok(down.delete(id), `${platform} ${i}: ${event} of what is up`);
      else if (event.startsWith("=")) assert.ok(down.has(id), `${platform} ${i}: ${event} of what is up`);
    }
  }
});
