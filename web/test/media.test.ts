import assert from "node:assert/strict";
import { test } from "node:test";
import { ServerClock } from "../src/clock.ts";
import type { Order, Report } from "../src/decoder.ts";
import { Media } from "../src/media.ts";
import type { ClientMessage } from "../src/protocol.ts";
import type { Screen } from "../src/screen.ts";
import { defaults, type Settings } from "../src/settings.ts";
import { FakeClock, settle } from "./fakes.ts";

/** A worker whose decoders fail for each picture of some codecs. */
class FailingWorker {
  static made: FailingWorker[] = [];
  static broken = ["h264", "vp8"];
  onmessage: ((event: { data: Report }) => void) | null = null;
  private run = 0;
  onerror: (() => void) | null = null;
  terminated = false;

  constructor() {
    FailingWorker.made.push(this);
  }

  postMessage(order: Order): void {
    if (order.type === "rest") this.run = order.run;
    if (order.type === "rest") this.onmessage?.({ data: { run: order.run, type: "rested" } });
    else if (FailingWorker.broken.includes(order.picture.codec)) this.onmessage?.({ data: { run: this.run, type: "failed", message: "broken" } });
  }

  terminate(): void {
    this.terminated = true;
  }
}

/** A page on the WebSocket alone, in a browser that says that it decodes everything. */
function media(transport: Settings["transport"] = "ws", clock = new FakeClock()) {
  FailingWorker.made = [];
  Object.assign(globalThis, {
    Worker: FailingWorker,
    createImageBitmap: () => {},
    VideoDecoder: { isConfigSupported: () => Promise.resolve({ supported: true }) },
    screen: { width: 1280, height: 720 },
    devicePixelRatio: 1.5,
  });
  const sent: ClientMessage[] = [];
  let again = 0;
  const canvas = { getContext: () => null } as unknown as HTMLCanvasElement;
  const settings: Settings = { ...defaults(), codec: "h264", transport };
  const made = new Media(
    clock, settings, new ServerClock(), { show: () => {} } as unknown as Screen, () => new FailingWorker() as unknown as Worker, canvas,
    { send: (message) => sent.push(message), socket: () => null, changed: () => {}, again: () => again++ },
  );
  const hello = async () => {
    let told: unknown;
    made.hello((hello) => (told = hello));
    await settle();
    return told;
  };
  const fail = (codec: number) => {
    for (let sequence = 1; sequence <= 3; sequence++) {
      const picture = new Uint8Array(41);
      picture.set([2, 1, codec, 0, 0, 0, 0, sequence]);
      made.take(picture.buffer);
    }
  };
  return { media: made, sent, hello, fail, again: () => again };
}

test("hello says what can be decoded once that is known, and which codec is preferred", async () => {
  const { media: m, hello, sent } = media();
  const codecs = ["vp8", "h264", "h264-444", "jpeg"];
  assert.deepEqual(await hello(), { transport: "ws", codecs, codec: "h264" });
  m.codec = "";
  assert.deepEqual(sent.at(-1), { type: "codec", codec: "" });
  assert.deepEqual(await hello(), { transport: "ws", codecs });
  assert.deepEqual(m.decodable, codecs);
});

test("another path is asked for by another hello, with what it needs", async () => {
  Object.assign(globalThis, { RTCPeerConnection: class {}, requestAnimationFrame: () => 0 });
  const { media: m, hello, again } = media("webrtc");
  assert.deepEqual(await hello(), { transport: "webrtc", codecs: [], codec: "h264" });
  assert.equal(FailingWorker.made.length, 0, "WebRTC needs no decoder of ours");
  const codecs = ["vp8", "h264", "h264-444", "jpeg"];
  for (const transport of ["auto", "ws"] as const) {
    m.transport = transport;
    assert.deepEqual(await hello(), { transport, codecs, codec: "h264" });
  }
  m.transport = "webrtc";
  assert.deepEqual(await hello(), { transport: "webrtc", codecs: [], codec: "h264" });
  assert.equal(again(), 3);
  assert.equal(FailingWorker.made.length, 1, "the worker is kept");
});

test("a decoder that fails costs its codec, and a worker that fails all but the plainest", async () => {
  const { media: m, hello, fail, again } = media();
  await hello();
  for (const [number, left] of [[2, ["vp8", "h264-444", "jpeg"]], [1, ["h264-444", "jpeg"]]] as const) {
    m.begin();
    fail(number);
    assert.deepEqual(await hello(), { transport: "ws", codecs: left, codec: "h264" });
  }
  assert.equal(again(), 2);
  assert.deepEqual(FailingWorker.made.map(({ terminated }) => terminated), [true, true, false]);
  FailingWorker.made.at(-1)?.onerror?.();
  assert.deepEqual(await hello(), { transport: "ws", codecs: ["jpeg"], codec: "h264" });
  FailingWorker.made.at(-1)?.onerror?.();
  assert.equal(again(), 3, "nothing is left to fail");
});

test("the answer to WebRTC's offer waits for the first picture, but not for long", async () => {
  Object.assign(globalThis, { requestAnimationFrame: () => 0 });
  const fresh = () => {
    const clock = new FakeClock();
    let made = 0;
    class Made {
      constructor() {
        made++;
      }
      createDataChannel = () => ({});
      setRemoteDescription = () => new Promise(() => {});
      close() {}
    }
    Object.assign(globalThis, { RTCPeerConnection: Made });
    const { media: m } = media("auto", clock);
    const offer = () => m.offer("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\n", 1, {});
    return { m, clock, offer, made: () => made };
  };
  const late = fresh();
  late.offer();
  late.clock.turn(999);
  await settle();
  assert.equal(late.made(), 0);
  late.clock.turn(1);
  await settle();
  assert.equal(late.made(), 1, "no picture has come");

  const seen = fresh();
  seen.offer();
  seen.m.presented({ presentationTime: 0 });
  seen.clock.turn(100);
  await settle();
  assert.equal(seen.made(), 1, "a picture is on the screen");
  seen.clock.turn(1000);
  await settle();
  assert.equal(seen.made(), 1, "once");
  seen.m.begin();
  seen.offer();
  seen.m.begin();
  seen.clock.turn(1000);
  await settle();
  assert.equal(seen.made(), 1, "an offer of the socket before is not answered");
});
