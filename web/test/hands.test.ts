import assert from "node:assert/strict";
import { test } from "node:test";
import type { Clipboard } from "../src/clipboard.ts";
import type { LinkState } from "../src/connection.ts";
import { Hands } from "../src/hands.ts";
import type { Screen } from "../src/screen.ts";
import { SettingsStore } from "../src/settings.ts";
import { FakeChannel, FakeClock, settle } from "./fakes.ts";

/** An element, as far as hands touch one. */
class FakeElement extends EventTarget {
  value = "";
  inputMode = "none";
  style = {};
  classList = { add() {}, remove() {} };
  clientWidth = 1000;
  clientHeight = 1000;
  constructor(private readonly ours = false) {
    super();
  }
  contains = () => true;
  closest = () => (this.ours ? this : null);
  append(): void {}
  focus(): void {}
  setSelectionRange(): void {}
  setPointerCapture(): void {}
}

/** The names of the messages, by their type. */
const names = ["", "key", "motion", "button", "wheel", "release", "renew", "relative", "text", "locks"];

/** A person at a desktop, whose browser tells of a key that is down and a button that is, and what goes to the server. */
function person() {
  const clock = new FakeClock();
  const page = new EventTarget();
  const [sink, stage] = [new FakeElement(), new FakeElement()];
  const root = Object.assign(new EventTarget(), {
    activeElement: sink, hidden: false, fullscreenElement: null, createElement: () => new FakeElement(),
  });
  Object.assign(globalThis, {
    addEventListener: page.addEventListener.bind(page), document: root,
    Element: FakeElement, PointerEvent: class extends Event {},
    matchMedia: () => new EventTarget(), devicePixelRatio: 1,
  });
  Object.defineProperty(globalThis, "navigator", { configurable: true, value: { platform: "", languages: [] } });
  let link: LinkState["name"] = "open";
  let acts = true;
  const screen = { stage, frame: stage, remoteAt: () => ({ x: 1, y: 2 }), resume() {} } as unknown as Screen;
  const hands = new Hands(clock, screen, sink as unknown as HTMLTextAreaElement, new SettingsStore(null), {
    link: () => link,
    acts: () => acts,
    may: () => true,
    quiet: () => false,
    ping() {},
    send: () => true,
    latched() {},
    lockRefused() {},
    lockWanted() {},
    toolbar() {},
  });
  hands.start({ gesture: async () => {}, focused: async () => {} } as unknown as Clipboard);
  const channel = new FakeChannel();
  hands.use(channel, channel);
  const fire = (target: EventTarget, type: string, fields: object = {}) => {
    const event = new Event(type, { cancelable: true });
    for (const [name, value] of Object.entries({ target: stage, ...fields })) Object.defineProperty(event, name, { value });
    target.dispatchEvent(event);
  };
  const key = (type: string, repeat = false) =>
    fire(page, type, { key: "a", code: "KeyA", keyCode: 65, repeat, metaKey: false, getModifierState: () => false });
  const button = (type: string) => fire(stage, type, { isPrimary: true, pointerType: "mouse", button: 0, buttons: 1, offsetX: 1, offsetY: 1 });
  /** What has been sent by a channel since this was asked last. */
  const sent = (by = channel) => {
    const { heads } = by;
    by.sent = [];
    return heads.map(([type]) => names[type]);
  };
  return {
    clock, page, root, hands, fire, key, button, sent, channel,
    become: (name: LinkState["name"]) => hands.linked((link = name)),
    look: () => (acts = false),
  };
}

type Person = ReturnType<typeof person>;

/** Presses a key and a button, and has them held for long enough to be renewed. */
function hold(one: Person): void {
  one.key("keydown");
  one.button("pointerdown");
  one.clock.turn(600);
  assert.deepEqual(one.sent(), ["locks", "key", "button", "renew"]);
}

/** Whatever the browser tells of what was held before, the desktop hears nothing of it. */
function forgotten(one: Person, name: string): void {
  one.key("keydown", true);
  one.key("keyup");
  one.button("pointerup");
  one.clock.turn(5000);
  assert.deepEqual(one.sent(), [], name);
}

test("whatever takes the person away lets go of what is held, once, and it does not come back", () => {
  const cases: [string, (one: Person) => void][] = [
    ["another window", ({ page, fire }) => fire(page, "blur")],
    ["another page", ({ page, fire }) => fire(page, "pagehide")],
    ["another tab", ({ root, fire }) => ((root.hidden = true), fire(root, "visibilitychange"))],
    ["a control of the page", ({ page, fire }) => fire(page, "focusin", { target: new FakeElement(true) })],
    ["another who leads, another role", ({ hands }) => hands.release()],
  ];
  for (const [name, leave] of cases) {
    const one = person();
    hold(one);
    leave(one);
    assert.deepEqual(one.sent(), ["release"], name);
    forgotten(one, name);
  }
});

test("a lost connection lets go: the next viewer holds nothing", async () => {
  for (const state of ["waiting", "resuming", "ended"] as const) {
    const one = person();
    hold(one);
    one.become(state);
    one.clock.turn(5000);
    assert.deepEqual(one.sent(), [], state);
    one.become("open");
    one.hands.welcome(0);
    one.hands.use(one.channel, one.channel);
    one.hands.resume();
    await settle();
    forgotten(one, state);
  }
});

test("who may only look sends nothing", () => {
  const one = person();
  hold(one);
  one.hands.release();
  one.look();
  one.sent();
  one.key("keydown");
  one.button("pointerdown");
  forgotten(one, "a viewer");
});

test("another path of the same connection takes over what is held, and its end", () => {
  const one = person();
  hold(one);
  const other = new FakeChannel();
  one.hands.use(other, other);
  assert.deepEqual(one.sent(other), ["locks", "key", "button"], "again, until acknowledged: the server drops what it has seen");
  one.hands.acknowledge(100);
  one.key("keyup");
  one.button("pointerup");
  one.clock.turn(5000);
  assert.deepEqual(one.sent(other), ["key", "button"]);
  assert.deepEqual(one.sent(), []);
});
