import assert from "node:assert/strict";
import { test } from "node:test";
import type { Image, Order } from "../src/decoder.ts";
import { Projector, type Decoder, type Surface } from "../src/projector.ts";
import type { Size } from "../src/geometry.ts";
import type { Presented } from "../src/stats.ts";
import { FakeClock } from "./fakes.ts";

/** A worker that is told what to report. */
class FakeDecoder implements Decoder {
  onmessage: Decoder["onmessage"] = null;
  orders: Order[] = [];
  run = 0;

  postMessage(order: Order): void {
    this.orders.push(order);
    if (order.type === "rest") this.run = order.run;
  }

  say(report: object, run = this.run): void {
    this.onmessage?.({ data: { run, ...report } } as MessageEvent);
  }

  get kinds(): string[] {
    return this.orders.splice(0).map(({ type }) => type);
  }
}

const ORIGIN = 1e12;

function projector() {
  const clock = new FakeClock();
  const decoder = new FakeDecoder();
  const images: number[] = [];
  const surface: Surface = { show: (id) => images.push(id), onshown: null };
  const acks: { sequence: number; decode: number; arrived: number; waiting: number }[] = [];
  const did: string[] = [];
  const shown: (Presented & Size)[] = [];
  const made = new Projector(clock, ORIGIN, decoder, surface, {
    send: (bytes) => {
      const view = new DataView(bytes.buffer);
      acks.push({ sequence: view.getUint32(1), decode: view.getUint32(5), arrived: view.getUint32(9), waiting: view.getUint8(13) });
    },
    key: () => did.push("key"),
    arrived: ({ id }) => did.push(`arrived ${id}`),
    presented: (frame, size) => shown.push({ ...frame, ...size }),
    hopeless: (codec) => did.push(`hopeless ${codec}`),
  });
  const take = (sequence: number, flags = 0) => {
    const data = new Uint8Array(41);
    data.set([2, flags, 1, 0, 0, 0, 0, sequence]);
    made.take(data.buffer);
  };
  const image = { width: 64, height: 48, rectangles: [] } satisfies Image;
  const decoded = (id: number) => decoder.say({ type: "decoded", id, at: ORIGIN + clock.now(), image });
  const draw = (id: number) => surface.onshown?.(id, { width: 64, height: 48 });
  return { clock, decoder, acks, did, images, shown, take, decoded, draw, projector: made };
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

test("a picture counts as presented when the tab is drawn with it", () => {
  const { clock, take, decoded, draw, shown, images, projector: p } = projector();
  take(1, 1);
  take(2);
  clock.turn(10);
  decoded(1);
  decoded(2);
  assert.deepEqual(images, [1, 2]);
  clock.turn(6);
  draw(2);
  draw(2);
  const size = { width: 64, height: 48 };
  assert.deepEqual(
    shown.map(({ width, height, ...frame }) => [frame, { width, height }]),
    [[{ rtpTimestamp: 2, receiveTime: 0, processingDuration: 0.01, presentationTime: 16 }, size]],
  );
  assert.deepEqual([p.received.decoded, p.received.dropped, p.received.keys, p.received.bytes], [2, 1, 1, 82]);
});

test("after a failure a key frame is asked for, again after a while, and in the end nothing more", () => {
  const { clock, take, decoder, did } = projector();
  const keys = () => did.splice(0).filter((what) => what === "key" || what === "hopeless vp8");
  take(1, 1);
  decoder.say({ type: "failed", message: "broken" });
  assert.deepEqual(keys(), ["key"]);
  take(2);
  assert.deepEqual(keys(), []);
  clock.turn(2001);
  take(3);
  take(4);
  assert.deepEqual(keys(), ["key"]);
  take(5, 1);
  decoder.say({ type: "decoded", id: 5, at: ORIGIN, image: null });
  clock.turn(5000);
  take(6);
  decoder.say({ type: "decoded", id: 6, at: ORIGIN, image: null });
  assert.deepEqual(keys(), [], "it has come");
  decoder.say({ type: "failed", message: "broken" });
  decoder.say({ type: "failed", message: "broken" });
  assert.deepEqual(keys(), ["key", "key", "hopeless vp8"]);
});

test("what cannot be a picture stops the decoder until the next key frame", () => {
  const { take, decoder, did, projector: p } = projector();
  take(1, 1);
  p.take(new ArrayBuffer(3));
  assert.deepEqual(decoder.kinds, ["picture", "rest"]);
  assert.deepEqual(did.splice(0), ["arrived 1", "key"]);
  take(2, 1);
  assert.deepEqual(decoder.kinds, ["picture"]);
});

test("pictures that are shown one by one are not dropped", () => {
  const { clock, take, decoded, draw, shown, projector: p } = projector();
  for (let id = 1; id <= 100; id++) {
    take(id, id === 1 ? 1 : 0);
    clock.turn(15);
    decoded(id);
    clock.turn(15);
    draw(id);
  }
  assert.equal(shown.length, 100);
  assert.deepEqual([p.received.decoded, p.received.dropped], [100, 0]);
});

test("a decoder that lets nothing out fails, unless the page was stopped itself", () => {
  const { clock, take, decoded, decoder, did } = projector();
  const keys = () => did.splice(0).filter((what) => what === "key" || what === "hopeless vp8");
  take(1, 1);
  clock.turn(4000);
  take(2);
  decoded(1);
  clock.turn(4900);
  assert.deepEqual(keys(), [], "something has come out");
  clock.turn(200);
  assert.deepEqual(keys(), ["key"]);
  assert.deepEqual(decoder.kinds, ["picture", "picture", "rest"]);
  decoded(2);
  clock.turn(60_000);
  assert.deepEqual(keys(), [], "there is nothing to come out");
  take(3, 1);
  clock.now = ((now) => () => now() + 7000)(clock.now.bind(clock));
  clock.turn(5000);
  assert.deepEqual(keys(), [], "it has slept");
  clock.turn(10_000);
  assert.deepEqual(keys(), ["key", "key", "hopeless vp8"]);
});

test("a worker that does not even say that it rests is at fault itself", () => {
  for (const answers of [false, true]) {
    const { clock, take, decoder, did, projector: p } = projector();
    p.reset();
    if (answers) decoder.say({ type: "rested" });
    take(1, 1);
    clock.turn(15_000);
    assert.equal(did.at(-1), answers ? "hopeless vp8" : "hopeless null");
  }
});

test("failures count in a row, of one socket, and what an earlier one waits for is no failure", () => {
  const { clock, take, decoded, draw, decoder, did, projector: p } = projector();
  const fail = () => decoder.say({ type: "failed", message: "broken" });
  const hopeless = () => did.splice(0).includes("hopeless vp8");
  take(1, 1);
  fail();
  fail();
  decoded(1);
  draw(1);
  fail();
  assert.equal(hopeless(), false, "a picture was shown in between");
  fail();
  take(2, 1);
  p.reset();
  fail();
  assert.equal(hopeless(), false, "another socket");
  clock.turn(60_000);
  assert.deepEqual(did, []);
});

test("another decoder takes what comes from then on, and alone is heard", () => {
  const { take, decoder, draw, shown, projector: p } = projector();
  take(1, 1);
  const other = new FakeDecoder();
  p.use(other);
  assert.equal(decoder.onmessage, null);
  p.reset();
  take(1, 1);
  assert.deepEqual(other.kinds, ["rest", "picture"]);
  other.say({ type: "decoded", id: 1, at: ORIGIN, image: { width: 1, height: 1, rectangles: [] } });
  draw(1);
  assert.equal(shown.length, 1);
});

test("reports of an earlier socket's pictures mean nothing", () => {
  const { take, decoder, draw, shown, images, decoded, projector: p, acks } = projector();
  let closed = 0;
  const bitmap = { close: () => closed++ };
  take(1, 1);
  p.reset();
  take(1, 1);
  decoder.say({ type: "decoded", id: 1, at: ORIGIN, image: { width: 1, height: 1, rectangles: [{ bitmap }] } }, 0);
  draw(1);
  assert.deepEqual([images, shown, closed], [[], [], 1]);
  assert.equal(p.received.decoded, 0);
  decoded(1);
  draw(1);
  assert.equal(shown.length, 1);
  assert.equal(acks.length, 2);
});
