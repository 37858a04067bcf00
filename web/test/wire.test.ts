import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Action, encode, type InputEvent } from "../src/wire.ts";

interface Vector {
  name: string;
  hex: string;
  seq: number;
  at: number;
  event: Record<string, unknown>;
}

const actions: Record<string, Action> = { up: Action.Up, down: Action.Down, repeat: Action.Repeat };

test("events are encoded as the server's vectors say", () => {
  const vectors = JSON.parse(readFileSync("../input/testdata/events.json", "utf8")) as Vector[];
  const types = new Set<unknown>();
  for (const { name, hex, seq, at, event } of vectors) {
    const action = actions[String(event.action)];
    const plain = (action === undefined ? event : { ...event, action }) as InputEvent;
    const got = [...encode(plain, seq, at)].map((byte) => byte.toString(16).padStart(2, "0"));
    assert.equal(got.join(""), hex, name);
    types.add(event.type);
  }
  const all = ["button", "key", "locks", "motion", "relative", "release", "renew", "text", "wheel"];
  assert.deepEqual([...types].sort(), all);
});

test("what does not fit is cut, never wrapped", () => {
  const wheel = encode({ type: "wheel", dx: 1e6, dy: -1e6, x: -5, y: 70_000 }, 1, 0);
  assert.deepEqual([...wheel.slice(9)], [0x7f, 0xff, 0x80, 0, 0, 0, 0xff, 0xff]);
  const key = encode({ type: "key", action: Action.Down, keysym: 0xffffffff, code: "x".repeat(99) }, 1, 0);
  assert.equal(key[14], 32);
  assert.equal(key.length, 9 + 6 + 32);
  const text = encode({ type: "text", text: "語".repeat(500) }, 1, 0);
  assert.equal(new TextDecoder("utf-8", { fatal: true }).decode(text.slice(11)), "語".repeat(341));
});

test("a total of relative motion wraps at 32 bits", () => {
  const relative = encode({ type: "relative", x: 2 ** 31, y: -(2 ** 31) - 1 }, 1, 0);
  assert.deepEqual([...relative.slice(9)], [0x80, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff]);
});

test("the page's clock wraps at 32 bits", () => {
  const view = new DataView(encode({ type: "renew" }, 7, 2 ** 32 + 5.9).buffer);
  assert.equal(view.getUint32(1), 7);
  assert.equal(view.getUint32(5), 5);
});
