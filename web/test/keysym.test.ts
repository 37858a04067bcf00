import assert from "node:assert/strict";
import { test } from "node:test";
import { ofKey, ofText } from "../src/keysym.ts";

test("a key's keysym is that of X", () => {
  const STANDARD = 0, LEFT = 1, RIGHT = 2, NUMPAD = 3;
  const cases: [string, number, number][] = [
    ["a", STANDARD, 0x61],
    ["A", STANDARD, 0x41],
    [" ", STANDARD, 0x20],
    ["é", STANDARD, 0xe9],
    ["ÿ", STANDARD, 0xff],
    ["€", STANDARD, 0x010020ac],
    ["ж", STANDARD, 0x01000436],
    ["漢", STANDARD, 0x01006f22],
    ["😀", STANDARD, 0x0101f600],
    ["\u0080", STANDARD, 0x01000080],
    ["Enter", STANDARD, 0xff0d],
    ["Enter", NUMPAD, 0xff8d],
    ["1", STANDARD, 0x31],
    ["1", NUMPAD, 0xffb1],
    ["+", NUMPAD, 0xffab],
    ["End", NUMPAD, 0xff9c],
    ["NumLock", NUMPAD, 0xff7f],
    ["Shift", LEFT, 0xffe1],
    ["Shift", RIGHT, 0xffe2],
    ["Control", LEFT, 0xffe3],
    ["Control", RIGHT, 0xffe4],
    ["Alt", LEFT, 0xffe9],
    ["Alt", RIGHT, 0xffea],
    ["Meta", LEFT, 0xffeb],
    ["Meta", RIGHT, 0xffec],
    ["AltGraph", RIGHT, 0xfe03],
    ["F1", STANDARD, 0xffbe],
    ["F12", STANDARD, 0xffc9],
    ["F35", STANDARD, 0xffe0],
    ["F36", STANDARD, 0],
    ["AudioVolumeUp", STANDARD, 0x1008ff13],
    ["Dead", STANDARD, 0],
    ["Unidentified", STANDARD, 0],
    ["Process", STANDARD, 0],
    ["constructor", STANDARD, 0],
    ["", STANDARD, 0],
    ["\b", STANDARD, 0],
  ];
  for (const [key, location, want] of cases) {
    assert.equal(ofKey({ key, location }).toString(16), want.toString(16), `${key} at ${location}`);
  }
});

test("a text is typed character by character", () => {
  assert.deepEqual(ofText("aé\r\n\t字\u0007😀"), [0x61, 0xe9, 0xff0d, 0xff09, 0x01005b57, 0x0101f600]);
});
