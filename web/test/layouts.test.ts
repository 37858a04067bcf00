import assert from "node:assert/strict";
import { test } from "node:test";
import { LayoutDetector, type Detected } from "../src/keyboard/detector.ts";
import { FullscreenKeys } from "../src/keyboard/fullscreen.ts";
import { layouts, match, usual } from "../src/keyboard/layouts.ts";
import { KeyMode, type KeyboardMessage } from "../src/keyboard/mode.ts";
import type { KeyStroke, Platform } from "../src/keyboard/stroke.ts";
import type { Settings } from "../src/settings.ts";
import { settle } from "./fakes.ts";

const letters = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"].map((letter) => `Key${letter}`);
const signs = ["Minus", "Equal", "BracketLeft", "BracketRight", "Semicolon", "Quote", "Backslash", "Comma", "Period", "Slash"];

/** What Chromium tells of keyboards: letters by what each of A to Z types, then the signs. */
const maps: Record<string, [string, string]> = {
  us: ["abcdefghijklmnopqrstuvwxyz", "-=[];'\\,./"],
  gb: ["abcdefghijklmnopqrstuvwxyz", "-=[];'#,./"],
  fr: ["qbcdefghijkl,noparstuvzxyw", ")=^$mù*;:!"],
  ca: ["abcdefghijklmnopqrstuvwxyz", "-=\u0302\u0327;`<,.é"],
  de: ["abcdefghijklmnopqrstuvwxzy", "ß´ü+öä#,.-"],
  it: ["abcdefghijklmnopqrstuvwxyz", "'ìè+òàù,.-"],
  es: ["abcdefghijklmnopqrstuvwxyz", "'¡`+ñ´ç,.-"],
  ch: ["abcdefghijklmnopqrstuvwxzy", "'^ü¨öä$,.-"],
  "ch fr": ["abcdefghijklmnopqrstuvwxzy", "'^è¨éà$,.-"],
  jp: ["abcdefghijklmnopqrstuvwxyz", "-^@[;:],./"],
};

const mapOf = (name: string): Map<string, string> => {
  const [small = "", other = ""] = maps[name] ?? [];
  return new Map([...letters.map((code, i) => [code, small[i] ?? ""] as const), ...signs.map((code, i) => [code, [...other][i] ?? ""] as const)]);
};

const stroke = (code: string, key: string, ...mods: string[]): KeyStroke => ({
  code, key, location: 0, repeat: false, metaKey: mods.includes("Meta"), timeStamp: 0,
  getModifierState: (name) => mods.includes(name),
});

test("each layout is told by the map of its keys", () => {
  assert.deepEqual(Object.keys(maps), layouts);
  for (const name of layouts) assert.deepEqual(match(mapOf(name), []), { layout: name, misses: 0 }, name);
  // A Briton's Windows says so of IntlBackslash; an American's has it too, and means nothing by it.
  assert.equal(match(new Map([...mapOf("us"), ["IntlBackslash", "\\"]]), ["gb"]).layout, "us");
  assert.equal(match(new Map([...letters].map((code) => [code, "я"])), ["us"]).layout, "", "none of them");
  const dvorak = new Map([...letters].map((code, i) => [code, [..."axje.uidchtnmbrl'poygk,qf;"][i] ?? ""]));
  assert.equal(match(dvorak, ["us"]).layout, "", "nor is this");
});

test("the languages that a person reads are a first guess", () => {
  assert.deepEqual(usual(["fr-CA", "fr", "en-US"]), ["ca", "fr", "us"]);
  assert.deepEqual(usual(["de-ch", "ru", "en"]), ["ch", "us"]);
  assert.deepEqual(usual(["constructor"]), []);
  assert.equal(match(new Map(), []).layout, "");
  assert.equal(match(new Map(), usual(["ja"])).layout, "jp");
});

test("what keys type narrows the guess down", () => {
  let changes = 0;
  const detector = new LayoutDetector(undefined, ["en-US"], () => changes++);
  assert.deepEqual(detector.value, { layout: "us", sure: false });
  const type = (...strokes: KeyStroke[]) => strokes.forEach((one) => detector.see(one));
  type(stroke("KeyQ", "A", "Shift"), stroke("Digit1", "1", "Shift"), stroke("KeyE", "€", "AltGraph"));
  assert.deepEqual(detector.value, { layout: "fr", sure: false });
  type(stroke("KeyA", "q"), stroke("Enter", "Enter"), stroke("", "x"));
  assert.equal(changes, 1);
  // Another keyboard, or another layout chosen: what was typed before says nothing any more.
  type(stroke("KeyQ", "q"), stroke("KeyZ", "y"), stroke("BracketLeft", "è"));
  assert.deepEqual(detector.value, { layout: "ch fr", sure: false });
});

test("the browser's map is sure, and asked again by a stroke that contradicts it and by layoutchange", async () => {
  let map = mapOf("de");
  const keyboard = Object.assign(new EventTarget(), { getLayoutMap: async () => map });
  const found: string[] = [];
  const detector: LayoutDetector = new LayoutDetector(keyboard, ["fr"], () => found.push(detector.value.layout));
  assert.deepEqual(detector.value, { layout: "fr", sure: false });
  await detector.start();
  assert.deepEqual(detector.value, { layout: "de", sure: true });
  map = mapOf("fr");
  detector.see(stroke("KeyZ", "y"));
  await settle();
  assert.deepEqual(detector.value, { layout: "de", sure: true }, "nothing contradicts it");
  detector.see(stroke("KeyQ", "a"));
  await settle();
  assert.deepEqual(detector.value, { layout: "fr", sure: true });
  map = mapOf("us");
  keyboard.dispatchEvent(new Event("layoutchange"));
  await settle();
  map = new Map([["KeyA", "q"], ["KeyQ", "a"]]);
  keyboard.dispatchEvent(new Event("layoutchange"));
  await settle();
  assert.deepEqual(detector.value, { layout: "fr", sure: false }, "two keys say too little");
  assert.deepEqual(found, ["de", "de", "fr", "us", "fr"]);
});

test("a browser that may not tell is as one that cannot", async () => {
  const keyboard = { getLayoutMap: () => Promise.reject(new Error("SecurityError")) };
  let changes = 0;
  const detector = new LayoutDetector(keyboard, ["it"], () => changes++);
  assert.ok(detector.pending);
  await detector.start();
  assert.ok(!detector.pending);
  assert.equal(changes, 1, "it is no longer pending");
  assert.deepEqual(detector.value, { layout: "it", sure: false });
});

/** A mode with a detected layout, whose messages are written down. */
function moded(value: Detected, platform: Platform = "other", settings: Partial<Settings> = {}) {
  const told: string[] = [];
  let up = true;
  const chosen = { keyboard: "auto" as Settings["keyboard"], layout: "", ...settings };
  const tell = ({ layout, variant, mode }: KeyboardMessage) => up && told.push(`${layout}(${variant}) ${mode}`) > 0;
  const mode = new KeyMode(platform, { value, see() {}, pending: false }, () => chosen, tell);
  mode.welcome();
  return { mode, chosen, told, cut: () => (up = false), back: () => (up = true) };
}

test("keys go by their place where the layouts agree, by their meaning elsewhere", () => {
  const fr = { layout: "fr", variant: "" };
  const a = stroke("KeyQ", "a");
  const { mode, told } = moded({ layout: "fr", sure: true });
  assert.equal(mode.places(a), false, "the desktop's is unknown");
  mode.inForce({ layout: "us", variant: "" });
  assert.equal(mode.places(a), false);
  mode.inForce(fr);
  const cases: [string, KeyStroke, boolean][] = [
    ["a letter", a, true],
    ["a modifier", stroke("ShiftLeft", "Shift", "Shift"), true],
    ["AltGr itself", stroke("AltRight", "AltGraph", "AltGraph"), false],
    ["Alt in its place", stroke("AltRight", "Alt", "Alt"), true],
    ["what AltGr types", stroke("Digit0", "@", "AltGraph"), false],
    ["a capital letter by Caps Lock", stroke("KeyQ", "A", "CapsLock"), true],
    ["a digit by Caps Lock", stroke("Digit1", "1", "CapsLock"), false],
    ["what the layout does not have there", stroke("KeyQ", "q"), false],
    ["a chord", stroke("KeyQ", "a", "Control"), true],
    ["a key of the keypad", stroke("Numpad1", "End"), true],
    ["a key that all layouts have", stroke("F5", "F5"), false],
    ["no code", stroke("", "a"), false],
  ];
  for (const [name, event, want] of cases) assert.equal(mode.places(event), want, name);
  mode.inForce({ layout: "ch", variant: "fr" });
  assert.equal(mode.places(a), false);
  assert.deepEqual(told, ["fr() text", "fr() physical", "fr() text"]);
});

test("the mode follows what the person has chosen", () => {
  const cases: [string, Detected, Platform, Partial<Settings>, string][] = [
    ["a guess is not enough", { layout: "fr", sure: false }, "windows", {}, "text"],
    ["chosen", { layout: "us", sure: true }, "windows", { layout: "fr" }, "physical"],
    ["always text", { layout: "fr", sure: true }, "windows", { keyboard: "text" }, "text"],
    ["always by place", { layout: "us", sure: false }, "windows", { keyboard: "physical" }, "physical"],
    ["macOS", { layout: "fr", sure: true }, "mac", {}, "text"],
    ["unknown", { layout: "", sure: false }, "other", {}, "text"],
  ];
  for (const [name, detected, platform, settings, want] of cases) {
    const { mode } = moded(detected, platform, settings);
    mode.inForce({ layout: "fr", variant: "" });
    assert.equal(mode.mode, want, name);
  }
});

test("the server is told once, again when something has changed, and anew when it is another", () => {
  const { mode, chosen, told, cut, back } = moded({ layout: "fr", sure: false });
  mode.update();
  chosen.layout = "ch fr";
  cut();
  mode.update();
  back();
  mode.update();
  mode.welcome();
  assert.deepEqual(told, ["fr() text", "ch(fr) text", "ch(fr) text"]);
  assert.deepEqual(moded({ layout: "", sure: false }).told, [], "nothing is known");
});

test("the keyboard is locked while the page fills the screen and the person wants it", async () => {
  const did: string[] = [];
  let wanted = true;
  let refuse = false;
  const keyboard = {
    lock: () => (did.push("lock"), refuse ? Promise.reject(new Error("InvalidStateError")) : Promise.resolve()),
    unlock: () => void did.push("unlock"),
  };
  const keys = new FullscreenKeys(keyboard, () => wanted);
  keys.update(false);
  keys.update(true);
  keys.update(true);
  wanted = false;
  keys.update(true);
  keys.update(false);
  assert.deepEqual(did.splice(0), ["lock", "unlock"]);
  wanted = refuse = true;
  keys.update(true);
  await settle();
  keys.update(false);
  assert.deepEqual(did, ["lock"]);
  new FullscreenKeys(undefined, () => true).update(true);
});
