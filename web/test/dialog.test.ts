import assert from "node:assert/strict";
import { test } from "node:test";
import { copyOf, keep } from "../src/ui/dialog.ts";

test("Tab goes round in a dialog, from control to control and from whatever lies between them", () => {
  const control = (name: string) => ({ name, offsetParent: {}, matches: () => false, focus: () => (to = name) });
  const controls = [control("close"), control("send"), control("copy")];
  const root = { name: "dialog", querySelectorAll: () => controls };
  const between = { name: "a text that scrolls" };
  let to = "";
  const cases: [{ name: string } | undefined, boolean, string][] = [
    [root, false, ""],
    [root, true, "copy"],
    [controls[0], false, ""],
    [controls[0], true, "copy"],
    [between, false, ""],
    [between, true, ""],
    [controls[2], false, "close"],
    [controls[2], true, ""],
  ];
  for (const [activeElement, shiftKey, want] of cases) {
    to = "";
    let prevented = false;
    let closed = false;
    Object.assign(globalThis, { document: { activeElement } });
    const event = { key: "Tab", shiftKey, preventDefault: () => (prevented = true) };
    keep(root as unknown as HTMLElement, event as unknown as KeyboardEvent, () => (closed = true));
    const what = `${shiftKey ? "Shift+" : ""}Tab on ${activeElement?.name}`;
    assert.equal(to, want, what);
    assert.equal(prevented, want !== "", `${what}: the browser's own step`);
    assert.ok(!closed, what);
  }
});

test("what is in a field is copied by the browser's clipboard, else by the old command, from a field that is seen", async () => {
  for (const [api, old, want] of [[true, false, true], [false, true, true], [false, false, false]] as const) {
    const done: string[] = [];
    const field = { value: "text", hidden: true, focus: () => done.push("focus"), select: () => done.push("select") };
    Object.assign(globalThis, { document: { execCommand: (name: string) => (done.push(name), old) } });
    const copied = await copyOf(field as unknown as HTMLInputElement, async (text) => (done.push(text), api));
    assert.equal(copied, want);
    assert.deepEqual([field.hidden, ...done], api ? [true, "text"] : [false, "text", "focus", "select", "copy"]);
  }
});
