import assert from "node:assert/strict";
import { test } from "node:test";
import { PointerLock } from "../src/pointer/lock.ts";
import { settle } from "./fakes.ts";

type Answer = "locks" | "has no raw" | "refuses" | "locks later" | "refuses later";

/** A browser that answers in one way; what it was asked and what the page was told. */
function browser(answer: Answer, raw = true, pointers = "fine") {
  const page = Object.assign(new EventTarget(), {
    pointerLockElement: null as unknown,
    exitPointerLock: () => lock(null),
  });
  Object.assign(globalThis, { document: page, matchMedia: (query: string) => ({ matches: query === `(any-pointer: ${pointers})` }) });
  const lock = (element: unknown) => {
    page.pointerLockElement = element;
    page.dispatchEvent(new Event("pointerlockchange"));
  };
  const said: string[] = [];
  const target = {
    requestPointerLock({ unadjustedMovement }: { unadjustedMovement?: boolean }): Promise<void> | undefined {
      said.push(unadjustedMovement ? "raw" : "plain");
      switch (answer) {
        case "has no raw":
          if (unadjustedMovement) return Promise.reject(new DOMException("", "NotSupportedError"));
          break;
        case "refuses":
          return Promise.reject(new DOMException("", "SecurityError"));
        case "locks later":
        case "refuses later":
          queueMicrotask(() => (answer === "locks later" ? lock(target) : page.dispatchEvent(new Event("pointerlockerror"))));
          return undefined;
      }
      lock(target);
      return Promise.resolve();
    },
  };
  const made = new PointerLock(target as unknown as HTMLElement, () => raw, {
    changed: (locked) => said.push(locked ? "locked" : "free"),
    refused: () => said.push("refused"),
  });
  return { said, lock: made, free: () => lock(null) };
}

test("the pointer is locked raw where the browser can, and told of", async () => {
  const cases: [Answer, boolean, string[]][] = [
    ["locks", true, ["raw", "locked"]],
    ["locks", false, ["plain", "locked"]],
    ["has no raw", true, ["raw", "plain", "locked"]],
    ["refuses", true, ["raw", "refused"]],
    ["refuses", false, ["plain", "refused"]],
    ["locks later", true, ["raw", "locked"]],
    ["refuses later", true, ["raw", "refused"]],
  ];
  for (const [answer, raw, want] of cases) {
    const { said, lock } = browser(answer, raw);
    void lock.enter();
    await settle();
    assert.deepEqual(said, want, `${answer}, ${raw ? "raw" : "plain"}`);
    assert.equal(lock.locked, said.includes("locked"));
  }
});

test("a lock ends by the page or by the browser, and is not asked for twice", async () => {
  const { said, lock, free } = browser("locks");
  await lock.enter();
  await lock.enter();
  lock.leave();
  lock.leave();
  await lock.enter();
  free();
  assert.deepEqual(said, ["raw", "locked", "free", "raw", "locked", "free"]);
});

test("a lock is offered where there is a mouse, or may be", () => {
  for (const [pointers, want] of [["fine", true], ["none", true], ["coarse", false]] as const) {
    assert.equal(browser("locks", true, pointers).lock.offered, want, pointers);
  }
});

test("a browser without a pointer lock is not asked", async () => {
  browser("locks");
  const said: string[] = [];
  const lock = new PointerLock({} as HTMLElement, () => true, { changed() {}, refused: () => said.push("refused") });
  assert.ok(!lock.offered);
  await lock.enter();
  assert.deepEqual(said, []);
});
