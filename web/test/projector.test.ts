import assert from "node:assert/strict";
import { test } from "node:test";
import type { Order, Report } from "../src/painter.ts";
import { decodable, Projector } from "../src/projector.ts";
import type { Presented } from "../src/stats.ts";
import { FakeClock } from "./fakes.ts";

/** A worker that is told what to report. */
class FakeDrawer {
  onmessage: ((event: { data: Report }) => void) | null = null;
  orders: Order[] = [];
  run = 0;

  postMessage(order: Order): void {
    this.orders.push(order);
    if (order.type === "rest") this.run = order.run;
  }

  say(report: object, run = this.run): void {
    this.onmessage?.({ data: { run, ...report } as Report });
  }

  get kinds(): string[] {
    return this.orders.splice(0).map(({ type }) => type);
  }
}

const ORIGIN = 1e12;

function projector() {
  const clock = new FakeClock();
  const drawer = new FakeDrawer();
  const frames: (() => void)[] = [];
  const acks: { sequence: number; decode: number; arrived: number; waiting: number }[] = [];
  const did: string[] = [];
  const shown: Presented[] = [];
  const made = new Projector(clock, ORIGIN, drawer, (fn) => frames.push(fn), {
    send: (bytes) => {
      const view = new DataView(bytes.buffer);
      acks.push({ sequence: view.getUint32(1), decode: view.getUint32(5), arrived: view.getUint32(9), waiting: view.getUint8(13) });
    },
    key: () => did.push("key"),
    arrived: ({ id }) => did.push(`arrived ${id}`),
    painted: ({ width, height }) => did.push(`painted ${width}x${height}`),
    presented: (frame) => shown.push(frame),
    hopeless: () => did.push("hopeless"),
  });
  const take = (sequence: number, flags = 0) => {
    const data = new Uint8Array(41);
    data.set([2, flags, 1, 0, 0, 0, 0, sequence]);
    made.take(data.buffer);
  };
  const decoded = (id: number) => drawer.say({ type: "decoded", id, at: ORIGIN + clock.now() });
  const paint = (id: number) => drawer.say({ type: "painted", id, width: 64, height: 48 });
  const frame = () => frames.splice(0).forEach((fn) => fn());
  return { clock, drawer, acks, did, shown, take, decoded, paint, frame, projector: made };
}

test("each picture is acknowledged when it has arrived, with the time that the decoder takes", () => {
  const { clock, take, decoded, acks } = projector();
  clock.turn(5);
  take(1, 1);
  clock.turn(4);
  decoded(1);
  clock.turn(1);
  take(2);
  assert.deepEqual(acks, [
    { sequence: 1, decode: 0, arrived: 5000, waiting: 1 },
    { sequence: 2, decode: 4000, arrived: 10_000, waiting: 1 },
  ]);
});

test("parts are not acknowledged before the last", () => {
  const { take, acks } = projector();
  take(1, 8);
  assert.equal(acks.length, 0);
  take(1, 1);
  assert.equal(acks.length, 1);
});

test("when the decoder is through a queue, it is said", () => {
  const { clock, take, decoded, acks } = projector();
  take(1, 1);
  take(2);
  clock.turn(3);
  decoded(1);
  assert.equal(acks.length, 2);
  decoded(2);
  assert.deepEqual(acks.at(-1), { sequence: 2, decode: 3000, arrived: 0, waiting: 0 });
  take(3);
  decoded(3);
  assert.equal(acks.length, 4, "no queue, nothing to say");
});

test("the newest picture counts as presented in the next animation frame", () => {
  const { clock, take, decoded, paint, frame, shown, did, projector: p } = projector();
  take(1, 1);
  take(2);
  clock.turn(10);
  decoded(1);
  paint(1);
  decoded(2);
  paint(2);
  clock.turn(6);
  frame();
  frame();
  assert.deepEqual(shown, [{ rtpTimestamp: 2, receiveTime: 0, processingDuration: 0.01, presentationTime: 16 }]);
  assert.equal(did.filter((what) => what === "painted 64x48").length, 2);
  assert.deepEqual([p.received.decoded, p.received.dropped, p.received.keys, p.received.bytes], [2, 1, 1, 82]);
});

test("after a failure a key frame is asked for, again after a while, and in the end nothing more", () => {
  const { clock, take, drawer, did } = projector();
  const keys = () => did.splice(0).filter((what) => what === "key" || what === "hopeless");
  take(1, 1);
  drawer.say({ type: "failed", message: "broken" });
  assert.deepEqual(keys(), ["key"]);
  take(2);
  assert.deepEqual(keys(), []);
  clock.turn(2001);
  take(3);
  take(4);
  assert.deepEqual(keys(), ["key"]);
  take(5, 1);
  clock.turn(5000);
  take(6);
  assert.deepEqual(keys(), [], "it has come");
  drawer.say({ type: "failed", message: "broken" });
  drawer.say({ type: "failed", message: "broken" });
  assert.deepEqual(keys(), ["key", "hopeless", "key"]);
});

test("what cannot be a picture stops the decoder until the next key frame", () => {
  const { take, drawer, did, projector: p } = projector();
  take(1, 1);
  p.take(new ArrayBuffer(3));
  assert.deepEqual(drawer.kinds, ["picture", "rest"]);
  assert.deepEqual(did.splice(0), ["arrived 1", "key"]);
  take(2, 1);
  assert.deepEqual(drawer.kinds, ["picture"]);
});

test("reports of an earlier socket's pictures mean nothing", () => {
  const { take, drawer, paint, frame, shown, decoded, projector: p, acks } = projector();
  take(1, 1);
  p.reset();
  take(1, 1);
  drawer.say({ type: "decoded", id: 1, at: ORIGIN }, 0);
  drawer.say({ type: "painted", id: 1, width: 1, height: 1 }, 0);
  frame();
  assert.deepEqual(shown, []);
  assert.equal(p.received.decoded, 0);
  decoded(1);
  paint(1);
  frame();
  assert.equal(shown.length, 1);
  assert.equal(acks.length, 2);
});

test("what can be decoded depends on the browser and on what is asked for", () => {
  const plain = { Worker: 1, OffscreenCanvas: 1, createImageBitmap: 1 };
  const full = { ...plain, VideoDecoder: 1 };
  const cases: [string, object, string[]][] = [
    ["", full, ["vp8"]],
    ["", plain, ["jpeg"]],
    ["", { VideoDecoder: 1 }, []],
    ["VP8", full, ["vp8"]],
    ["VP8", plain, []],
    ["JPEG", full, ["jpeg"]],
    ["H264", full, []],
  ];
  for (const [only, scope, want] of cases) assert.deepEqual(decodable(only, scope), want, only);
});
