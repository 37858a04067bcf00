import assert from "node:assert/strict";
import { test } from "node:test";
import { Backoff } from "../src/backoff.ts";
import { VNCLink, type AttemptListener } from "../vnc/link.ts";
import { PasteGate } from "../vnc/paste.ts";
import { VNCWords } from "../vnc/words.ts";
import { catalogues, FakeClock, settle } from "./fakes.ts";

function link() {
  const clock = new FakeClock();
  const attempts: (AttemptListener & { ended: boolean })[] = [];
  const states: string[] = [];
  const vnc = new VNCLink(
    clock,
    new Backoff(500, 15_000, () => 0),
    (listener) => {
      const attempt = { ...listener, ended: false };
      attempts.push(attempt);
      return { close: () => void (attempt.ended = true) };
    },
    (state) => states.push("reason" in state ? `${state.name} ${state.reason.code}` : state.name),
  );
  return { clock, attempts, states, vnc, last: () => attempts.at(-1)! };
}

test("a connection that is lost is made again, with growing pauses", () => {
  const { clock, attempts, states, vnc, last } = link();
  vnc.connect();
  last().connected();
  last().closed(1006, "");
  assert.deepEqual(states, ["connecting", "connected", "waiting vnc-lost"]);
  clock.turn(499);
  assert.equal(attempts.length, 1);
  clock.turn(1);
  assert.equal(attempts.length, 2);
  last().closed(4000, "vnc-failed");
  clock.turn(999);
  assert.equal(attempts.length, 2);
  clock.turn(1);
  assert.equal(attempts.length, 3);
  assert.deepEqual(states.slice(3), ["connecting", "waiting vnc-failed", "connecting"]);
});

test("a connection that breaks at once is no reason for short pauses; one that lasts is", () => {
  const { clock, attempts, vnc, last } = link();
  vnc.connect();
  for (const pause of [500, 1000, 2000]) {
    last().connected();
    last().closed(1006, "");
    const before = attempts.length;
    clock.turn(pause - 1);
    assert.equal(attempts.length, before);
    clock.turn(1);
    assert.equal(attempts.length, before + 1);
  }
  last().connected();
  clock.turn(5000);
  last().closed(1006, "");
  clock.turn(500);
  assert.equal(attempts.length, 5);
});

test("what the server ends for good stays so until the person asks", () => {
  const { clock, attempts, states, vnc, last } = link();
  vnc.connect();
  last().closed(4001, "vnc-off");
  clock.turn(60_000);
  assert.deepEqual([attempts.length, states.at(-1)], [1, "ended vnc-off"]);
  vnc.connect();
  assert.equal(attempts.length, 2);
});

test("one connection at a time, and none after close", () => {
  const { clock, attempts, vnc } = link();
  vnc.connect();
  vnc.connect();
  assert.deepEqual(attempts.map(({ ended }) => ended), [true, false]);
  vnc.close();
  clock.turn(60_000);
  assert.deepEqual(attempts.map(({ ended }) => ended), [true, true]);
  assert.equal(vnc.state.name, "off");
});

/** A key event as far as the gate looks at it. */
function stroke(type: string, code: string, log: string[]) {
  const event = {
    type, code, isTrusted: true, stopped: false, prevented: false,
    stopImmediatePropagation: () => void (event.stopped = true),
    preventDefault: () => void (event.prevented = true),
    target: { dispatchEvent: (again: { type: string; code: string }) => log.push(`${again.type} ${again.code}`) },
  };
  return event;
}

test("keys wait for the clipboard from the paste on, and go on in their order", async () => {
  globalThis.KeyboardEvent ??= class {
    constructor(readonly type: string, init: { code: string }) {
      Object.assign(this, { code: init.code, isTrusted: false });
    }
  } as unknown as typeof KeyboardEvent;
  let ready = () => {};
  const gate = new PasteGate(() => new Promise((resolve) => (ready = resolve)));
  const log: string[] = [];
  const take = (type: string, code: string, paste = false) => {
    const event = stroke(type, code, log);
    gate.take(event as unknown as KeyboardEvent, paste);
    return event;
  };
  assert.equal(take("keydown", "ControlLeft").stopped, false);
  const v = take("keydown", "KeyV", true);
  assert.deepEqual([v.stopped, v.prevented], [true, false], "its default action tells the clipboard");
  const up = take("keyup", "ControlLeft");
  assert.deepEqual([up.stopped, up.prevented], [true, true]);
  assert.deepEqual(log, []);
  ready();
  await settle();
  assert.deepEqual(log, ["keydown KeyV", "keyup ControlLeft"]);
  assert.equal(take("keydown", "KeyX").stopped, false);

  log.length = 0;
  take("keydown", "ControlLeft");
  take("keydown", "KeyV", true);
  take("keyup", "KeyV");
  take("keyup", "ControlLeft");
  gate.drop();
  ready();
  await settle();
  assert.deepEqual(log, ["keyup KeyV", "keyup ControlLeft"], "no key stays held");
  assert.equal(take("keydown", "KeyX").stopped, false);
});

test("both languages have the same words, and each code a remedy", () => {
  const { en, fr } = catalogues;
  assert.deepEqual(Object.keys(fr), Object.keys(en));
  const words = new VNCWords("fr", catalogues.fr);
  for (const key of Object.keys(en).filter((key) => key.startsWith("vnc-") && !key.endsWith(".do"))) {
    const { what, remedy } = words.reason({ code: key, args: [] });
    assert.ok(what && remedy && what === fr[key as keyof typeof fr], key);
  }
  assert.equal(words.reason({ code: "full", args: [] }).what, words.say("code.full"));
});
