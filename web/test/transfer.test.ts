import assert from "node:assert/strict";
import { test } from "node:test";
import { plain, pack, type Bytes, type Content } from "../src/clipboard/content.ts";
import { isPiece, Receiver } from "../src/clipboard/receiver.ts";
import { Sender, type Ending, type Progress } from "../src/clipboard/sender.ts";
import { PIECE, TransferWindow } from "../src/clipboard/window.ts";
import { FakeClock, settle } from "./fakes.ts";

function sender() {
  const clock = new FakeClock();
  const announced: [number, number[]][] = [];
  const pieces: Bytes[] = [];
  const cancelled: number[] = [];
  const wire = {
    announce: (serial: number, items: { size: number }[]) => announced.push([serial, items.map(({ size }) => size)]) > 0,
    piece: (message: Bytes) => pieces.push(message) > 0,
    cancel: (serial: number) => void cancelled.push(serial),
  };
  let progress: Progress = null;
  const made = new Sender(clock, wire, (now) => (progress = now));
  const endings: Ending[] = [];
  const send = (size: number) => void made.send(pack(plain("x".repeat(size)))).then((ending) => endings.push(ending));
  const under = () => pieces.reduce((sum, { length }) => sum + length - 5, 0);
  return { clock, wire, announced, pieces, cancelled, endings, send, under, sender: made, progress: () => progress };
}

test("a content goes in pieces, as far as it is acknowledged", async () => {
  const { sender: s, announced, pieces, endings, send, under, progress } = sender();
  const size = 20 * PIECE + 1;
  send(size);
  assert.deepEqual(announced, [[1, [size]]]);
  assert.equal(pieces.length, 4);
  assert.deepEqual([...(pieces[0] ?? [])].slice(0, 6), [33, 0, 0, 0, 1, "x".charCodeAt(0)]);
  while (under() < size) s.acknowledged(under());
  assert.equal(pieces.length, 21);
  assert.ok(pieces.every(({ length }) => length <= PIECE + 5));
  s.acknowledged(size);
  assert.deepEqual(progress(), { done: size, total: size });
  s.ended(1, null);
  await settle();
  assert.deepEqual([endings, progress()], [[null], null]);
});

test("a newer content takes the place of one on its way, and what has been sent of that still counts", async () => {
  const { sender: s, announced, pieces, endings, send } = sender();
  send(1 << 20);
  send(1);
  await settle();
  assert.deepEqual([announced.length, pieces.length], [2, 4], "the window is full");
  assert.equal(endings[0]?.code, "cancelled");
  s.acknowledged(4 * PIECE);
  assert.equal(pieces.length, 5);
  s.ended(1, { code: "clipboard-failed", args: [] });
  s.ended(2, null);
  await settle();
  assert.deepEqual(endings.slice(1), [null]);
});

test("a content can be given up, and goes again by another socket", async () => {
  const { sender: s, announced, pieces, cancelled, endings, send } = sender();
  send(1 << 20);
  s.cancel();
  await settle();
  assert.deepEqual([cancelled, endings[0]?.code], [[1], "cancelled"]);
  s.cancel();
  assert.deepEqual(cancelled, [1], "once");
  s.restart();
  assert.equal(announced.length, 1, "nothing is left to be sent");
  s.acknowledged(4 * PIECE);
  assert.equal(pieces.length, 4);
  send(10);
  s.restart();
  assert.deepEqual(announced.slice(1), [[2, [10]], [3, [10]]]);
  s.ended(3, null);
  await settle();
  assert.equal(endings[1], null);
  send(10);
  s.stop();
  await settle();
  assert.equal(endings[2]?.code, "cancelled");
});

test("acknowledgements that cannot be are ignored", () => {
  const window = new TransferWindow();
  window.send(PIECE, 0);
  for (const total of [-1, NaN, PIECE + 1, Infinity]) window.acknowledge(total, 1);
  assert.equal(window.acknowledged, 0);
});

test("the window shrinks where pieces wait for one another, and grows where they do not", () => {
  const inFlight = (delay: (n: number) => number) => {
    const window = new TransferWindow();
    let most = 0;
    for (let now = 0, n = 0; n < 50; n++) {
      for (most = 0; window.room; most++) window.send(PIECE, now);
      now += delay(most);
      window.acknowledge(window.sent, now);
    }
    return most;
  };
  assert.equal(inFlight(() => 40), 64);
  assert.ok(inFlight((pieces) => 40 + 13 * pieces) < 12);
});

function receiver() {
  const received: [Content, string][] = [];
  const acknowledged: number[] = [];
  const cancelled: number[] = [];
  let progress: Progress = null;
  const clock = new FakeClock();
  const made = new Receiver(clock, {
    acknowledge: (bytes) => void acknowledged.push(bytes),
    cancel: (serial) => void cancelled.push(serial),
    received: (content, selection) => void received.push([content, selection]),
    progress: (now) => (progress = now),
  });
  const piece = (serial: number, text: string) => {
    const message = new TextEncoder().encode(`!0000${text}`);
    new DataView(message.buffer).setUint32(1, serial);
    if (isPiece(message.buffer)) made.take(message.buffer);
  };
  return { clock, receiver: made, received, acknowledged, cancelled, piece, progress: () => progress };
}

const texts = (...sizes: number[]) => sizes.map((size, i) => ({ mime: ["text/plain", "text/html"][i] ?? "?", size }));

test("a content is put together of its pieces, however they are cut", () => {
  const { clock, receiver: r, received, acknowledged, piece, progress } = receiver();
  r.announced({ serial: 7, selection: "CLIPBOARD", items: texts(3, 4) });
  piece(7, "o");
  assert.deepEqual(progress(), { done: 1, total: 7 });
  piece(7, "ne<b");
  piece(6, "of another");
  piece(7, ">!");
  assert.deepEqual(received, [[{ text: "one", html: "<b>!", picture: null }, "CLIPBOARD"]]);
  assert.deepEqual([acknowledged, progress()], [[], null]);
  clock.turn(5);
  assert.deepEqual(acknowledged, [17], "those of other contents too, and not each by itself");
  piece(7, "too late".repeat(10_000));
  assert.deepEqual(acknowledged, [17, 80_017], "many at once");
  assert.equal(received.length, 1);
});

test("contents that cannot be are not waited for", () => {
  const { receiver: r, received, cancelled, piece } = receiver();
  for (const items of [[], texts(0), texts(-1, 2), texts(NaN), texts(1 << 30)]) r.announced({ serial: 1, selection: "", items });
  assert.deepEqual(cancelled, [1, 1, 1, 1, 1]);
  r.announced({ serial: 2, selection: "", items: texts(2) });
  piece(2, "abc");
  assert.deepEqual(received, [], "more than announced");
  r.announced({ serial: 3, selection: "", items: texts(2) });
  piece(3, "a");
  r.cancel();
  piece(3, "b");
  r.cancel();
  assert.deepEqual([received, cancelled.slice(5)], [[], [3]]);
  r.reset();
  r.announced({ serial: 1, selection: "", items: texts(1) });
  piece(1, "x");
  assert.equal(received.length, 1);
});
