import assert from "node:assert/strict";
import { test } from "node:test";
import type { Platform } from "../src/keyboard/stroke.ts";
import { pieces } from "../src/keyboard/text.ts";
import { TextInput } from "../src/keyboard/textinput.ts";

class FakeField extends EventTarget {
  value = "";
  inputMode = "none";
  composing = false;
  classList = { add: () => (this.composing = true), remove: () => (this.composing = false) };
  setSelectionRange(): void {}
  blur(): void {}
  focus(): void {}
}

/** A text field whose texts are written as they are, and keys by their keysyms. */
function field(platform: Platform = "other", typing = () => true) {
  const sink = new FakeField();
  const typed: string[] = [];
  const keyboard = {
    text: (text: string) => void typed.push(text),
    chord: (keysyms: readonly number[]) => void typed.push(keysyms.map((keysym) => keysym.toString(16)).join("+")),
  };
  const text = new TextInput(sink as unknown as HTMLTextAreaElement, platform, keyboard, typing);
  /** Dispatches an event on the field; says whether it was prevented. */
  const fire = (type: string, fields: object = {}, cancelable = true): boolean => {
    const event = Object.assign(new Event(type, { cancelable }), fields);
    sink.dispatchEvent(event);
    return event.defaultPrevented;
  };
  /** What a browser does for an edit: it asks, and makes it if nobody prevents that. */
  const edit = (inputType: string, data: string | null = null, cancelable = true, more: object = {}) => {
    const fields = { inputType, data, isComposing: false, dataTransfer: null, ...more };
    if (!fire("beforeinput", fields, cancelable)) fire("input", fields, false);
  };
  const key = (name: string, mods: string[] = [], more: object = {}): boolean =>
    text.takes({
      key: name, code: "", keyCode: 0, isComposing: false, repeat: false,
      ctrlKey: mods.includes("Control"), altKey: mods.includes("Alt"), metaKey: mods.includes("Meta"),
      getModifierState: (modifier: string) => mods.includes(modifier),
      ...more,
    } as unknown as KeyboardEvent);
  return { sink, typed, text, fire, edit, key };
}

test("text is cut between characters, into pieces that a message carries", () => {
  const family = "👩‍👩‍👧";
  const bytes = (text: string) => new TextEncoder().encode(text).length;
  const cases: [string, string, string[]][] = [
    ["nothing", "", []],
    ["lines and control characters", "a\r\nb\rc\td\u0000\u0007\u0085\u007f", ["a\nb\nc\td"]],
    ["what just fits", "é".repeat(512), ["é".repeat(512)]],
    ["one more", "é".repeat(513), ["é".repeat(512), "é"]],
    ["families stay together", family.repeat(58), [family.repeat(56), family.repeat(2)]],
  ];
  for (const [name, text, want] of cases) assert.deepEqual(pieces(text), want, name);
  const marks = "a" + "\u0301".repeat(1000);
  const cut = pieces(marks);
  assert.equal(cut.join(""), marks);
  assert.ok(cut.length > 1 && cut.every((piece) => bytes(piece) <= 1024), "one character that is too long");
});

test("text is cut the same where the browser has no segmenter, between code points", () => {
  const { Segmenter } = Intl;
  try {
    Object.assign(Intl, { Segmenter: undefined });
    const cut = pieces("字".repeat(700));
    assert.deepEqual(cut.map((piece) => piece.length), [341, 341, 18]);
  } finally {
    Object.assign(Intl, { Segmenter });
  }
});

test("an input method's keys are its own, and what it commits is text", () => {
  const { sink, typed, fire, edit, key } = field();
  assert.ok(key("Process", [], { keyCode: 229 }));
  fire("compositionstart");
  assert.ok(sink.composing);
  edit("insertCompositionText", "に", false, { isComposing: true });
  assert.ok(key("a", [], { isComposing: true }));
  edit("insertCompositionText", "日本", false, { isComposing: true });
  fire("compositionend", { data: "日本" });
  edit("insertCompositionText", "日本", false); // Firefox, after the end
  edit("insertFromComposition", "日本", false); // Safari
  assert.deepEqual(typed, ["日本"]);
  assert.ok(!sink.composing && sink.value === "");
  fire("compositionstart");
  fire("compositionend", { data: "" });
  assert.deepEqual(typed, ["日本"], "given up");
});

test("a dead key and the next one are the browser's: the character is text", () => {
  const cases: [string, [string, string[]?][], boolean[]][] = [
    ["a letter", [["Dead"], ["ê"]], [true, true]],
    ["a capital one", [["Dead"], ["Shift", ["Shift"]], ["Ê", ["Shift"]]], [true, false, true]],
    ["twice", [["Dead"], ["Dead"], ["x"]], [true, true, true]],
    ["only the next", [["Dead"], ["ê"], ["e"]], [true, true, false]],
    ["given up", [["Dead"], ["Backspace"], ["e"]], [true, true, false]],
    ["another key", [["Dead"], ["ArrowLeft"], ["e"]], [true, false, false]],
    ["a command with it", [["Dead", ["Control"]], ["e"]], [false, false]],
    ["a command after it", [["Dead"], ["c", ["Control"]]], [true, false]],
    ["with AltGr on Windows", [["Dead", ["Control", "Alt", "AltGraph"]], ["ñ"]], [true, true]],
  ];
  for (const [name, strokes, want] of cases) {
    const { key } = field();
    assert.deepEqual(strokes.map(([one, mods]) => key(one, mods)), want, name);
  }
  assert.ok(field("mac").key("Dead", ["Alt"]), "Option on macOS");
  assert.ok(!field().key("Dead", ["Alt"]), "Alt elsewhere");
});

test("edits of phones' keyboards and pickers become text and keys, whether they can be prevented or not", () => {
  for (const cancelable of [true, false]) {
    const { sink, typed, edit } = field();
    sink.value = "x";
    edit("insertText", "😀", cancelable);
    edit("insertReplacementText", null, cancelable, { dataTransfer: { getData: () => "word" } });
    edit("deleteContentBackward", null, cancelable);
    edit("deleteContentForward", null, cancelable);
    edit("insertLineBreak", null, cancelable);
    edit("insertFromDrop", "dropped", cancelable);
    edit("historyUndo", null, cancelable);
    edit("constructor", null, cancelable);
    assert.deepEqual(typed, ["😀", "word", "ff08", "ffff", "ff0d"], `cancelable: ${cancelable}`);
    assert.equal(sink.value, "");
  }
  const { typed, edit, fire } = field("other", () => false);
  edit("insertText", "x");
  fire("compositionend", { data: "x" });
  assert.deepEqual(typed, [], "while watching");
});

test("a phone's keyboard always finds something to delete", () => {
  const { sink, text, edit } = field();
  assert.ok(text.toggleKeyboard());
  assert.equal(sink.inputMode, "text");
  assert.ok(sink.value.length > 0);
  sink.value = "";
  edit("deleteContentBackward", null, false);
  assert.ok(sink.value.length > 0);
  assert.ok(!text.toggleKeyboard());
  assert.equal(sink.value, "");
});

test("macOS: the accent chosen for a held letter takes its place", () => {
  for (const [platform, letter, text, want] of [
    ["mac", "e", "é", ["ff08", "é"]],
    ["mac", "E", "É", ["ff08", "É"]],
    ["mac", "x", "é", ["é"]],
    ["mac", "e", "e", ["e"]],
    ["windows", "e", "é", ["é"]],
  ] as const) {
    const { typed, edit, key } = field(platform);
    key(letter);
    edit("insertText", text);
    edit("insertText", "é");
    assert.deepEqual(typed, [...want, "é"], `${platform} ${letter}`);
  }
  const { typed, fire, edit, key } = field("mac");
  key("e");
  fire("compositionstart");
  fire("compositionend", { data: "é" });
  key("e");
  key("Dead", ["Alt"]);
  key("é");
  edit("insertText", "é");
  assert.deepEqual(typed, ["é", "é"], "a dead key and the letter again");
});
