import assert from "node:assert/strict";
import { test } from "node:test";
import { ServerClock } from "../src/clock.ts";
import { parseFrameTimes } from "../src/frametimes.ts";
import { FrameLog, median, readReport } from "../src/stats.ts";
import { Watchdog } from "../src/watchdog.ts";

/** A batch as the server writes it. */
function batch(frames: number[][]): ArrayBuffer {
  const view = new DataView(new ArrayBuffer(2 + 34 * frames.length));
  view.setUint8(0, 1);
  view.setUint8(1, frames.length);
  frames.forEach(([id = 0, damaged = 0, grabbed = 0, converted = 0, encoded = 0, sent = 0, bytes = 0, q = 0, flags = 0], i) => {
    const at = 2 + 34 * i;
    view.setUint32(at, id);
    view.setBigUint64(at + 4, BigInt(damaged));
    [grabbed, converted, encoded, sent, bytes].forEach((value, n) => view.setUint32(at + 12 + 4 * n, value));
    view.setUint8(at + 32, q);
    view.setUint8(at + 33, flags);
  });
  return view.buffer;
}

test("frame times are read field by field", () => {
  const [first, second, third] = parseFrameTimes(
    batch([[4_000_000_000, 1_700_000_000_123_456, 1, 2, 3, 4, 5, 127, 5], [7, 0, 0, 0, 0, 0, 0, 0, 2]]),
  );
  assert.deepEqual(first, {
    id: 4_000_000_000,
    damaged: 1_700_000_000_123_456,
    grabbed: 1,
    converted: 2,
    encoded: 3,
    sent: 4,
    bytes: 5,
    quantizer: 127,
    key: true,
    refinement: false,
    settled: true,
  });
  assert.ok(second?.refinement && !second.key && !second.settled);
  assert.equal(third, undefined);
});

test("a batch that is cut, too long or of another type is none", () => {
  const whole = new Uint8Array(batch([[1], [2]]));
  for (let length = 0; length < whole.length; length++) {
    assert.deepEqual(parseFrameTimes(whole.slice(0, length).buffer), [], `${length} bytes`);
  }
  assert.deepEqual(parseFrameTimes(new Uint8Array([...whole, 0]).buffer), []);
  whole[0] = 2;
  assert.deepEqual(parseFrameTimes(whole.buffer), []);
  assert.deepEqual(parseFrameTimes(batch([])), []);
});

test("the server's clock is that of the shortest round trip", () => {
  const clock = new ServerClock(3);
  assert.ok(Number.isNaN(clock.toPage(0)));
  assert.ok(Number.isNaN(clock.roundTrip));
  clock.add(0, 100, 1_080_000); // late on its way there: offset 1030
  clock.add(200, 204, 1_202_000); // offset 1000
  clock.add(300, 360, 1_310_000); // late on its way back: offset 980
  assert.equal(clock.toPage(1_500_000), 500);
  assert.equal(clock.roundTrip, 60);
  for (const sent of [400, 500, 600]) clock.add(sent, sent + 20, (sent + 1015) * 1000);
  assert.equal(clock.toPage(1_505_000), 500, "old exchanges are forgotten");
  clock.add(10, 5, 0);
  assert.equal(clock.roundTrip, 20, "a negative round trip is none");
});

test("both halves of a frame meet, whichever comes first", () => {
  const server = new ServerClock();
  server.add(0, 0, 1_000_000); // the server is 1000 ms ahead
  const shown = { rtpTimestamp: 9, receiveTime: 120, processingDuration: 0.002, presentationTime: 125 };
  const sent = parseFrameTimes(batch([[9, 1_100_000, 1000, 1500, 9500, 10_000, 777, 30, 0]]));
  for (const order of ["server first", "browser first"]) {
    const log = new FrameLog(server);
    if (order === "server first") log.add(sent);
    log.present(shown);
    if (order === "browser first") log.add(sent);
    const { stages, samples } = log.medians(200);
    assert.equal(samples, 1, order);
    assert.deepEqual(
      stages,
      { grab: 1, convert: 0.5, encode: 8, send: 0.5, receive: 10, decode: 2, present: 3, total: 25 },
      order,
    );
    assert.equal(log.quantizer, 30);
    assert.equal(log.framesPerSecond(1124), 1);
    assert.equal(log.framesPerSecond(1125), 0);
    assert.equal(log.medians(5126).samples, 0, "old frames do not count");
  }
});

test("no stage is negative, and the stages make the total", () => {
  const server = new ServerClock();
  server.add(0, 0, 0);
  const cases: [number, number[]][] = [
    [12, [1, 1, 2, 6, 2, 1, 2, 15]], // received at 12, sent at 10
    [9, [1, 1, 2, 5, 0, 1, 5, 15]], // before all of it was sent
    [3, [1, 1, 2, 0, 0, 1, 11, 16]], // before it was encoded: the clock is off
  ];
  for (const [received, want] of cases) {
    const log = new FrameLog(server);
    log.add(parseFrameTimes(batch([[1, 0, 1000, 2000, 4000, 10_000]])));
    log.present({ rtpTimestamp: 1, receiveTime: received, processingDuration: 0.001, presentationTime: 15 });
    const got = Object.values(log.medians(20).stages);
    assert.deepEqual(got, want, String(received));
    assert.equal(got.slice(0, -1).reduce((sum: number, ms) => sum + (ms ?? NaN), 0), got.at(-1));
  }
});

test("frames that the browser tells little of count for what is known", () => {
  const server = new ServerClock();
  server.add(0, 0, 0);
  const log = new FrameLog(server);
  log.add(parseFrameTimes(batch([[1, 1000, 1000, 2000, 3000, 4000]])));
  log.present({ rtpTimestamp: 1, presentationTime: 50 });
  log.present({ presentationTime: 60 });
  const { stages } = log.medians(100);
  assert.equal(stages.grab, 1);
  assert.equal(stages.receive, null);
  assert.equal(stages.total, 49);
  assert.equal(log.framesPerSecond(100), 2);
});

test("the median", () => {
  const cases: [number[], number | null][] = [
    [[], null],
    [[NaN], null],
    [[3], 3],
    [[10, 2, 3], 3],
    [[4, 1, 2, NaN, 3], 2.5],
  ];
  for (const [values, want] of cases) assert.equal(median(values), want, String(values));
});

test("a report says path and codec", () => {
  const entries = (local: object, remote: object) => [
    { id: "T", type: "transport", selectedCandidatePairId: "P" },
    { id: "P", type: "candidate-pair", localCandidateId: "L", remoteCandidateId: "R" },
    { id: "L", type: "local-candidate", protocol: "udp", candidateType: "host", ...local },
    { id: "R", type: "remote-candidate", protocol: "udp", candidateType: "host", ...remote },
    { id: "C", type: "codec", mimeType: "video/VP8" },
    { id: "I", type: "inbound-rtp", kind: "video", codecId: "C", bytesReceived: 5, framesDecoded: 2 },
  ];
  const cases: [object, object, string][] = [
    [{}, {}, "udp"],
    [{ protocol: "tcp" }, {}, "tcp"],
    [{ candidateType: "relay" }, {}, "relay"],
    [{}, { candidateType: "relay" }, "relay"],
  ];
  for (const [local, remote, want] of cases) {
    const got = readReport(entries(local, remote));
    assert.deepEqual([got.path, got.codec, got.bytes, got.decoded, got.lost], [want, "VP8", 5, 2, 0]);
  }
  assert.equal(readReport([]).path, "");
  const formats: [object, string][] = [
    [{ mimeType: "video/H264", sdpFmtpLine: "profile-level-id=42e01f" }, "H264"],
    [{ mimeType: "video/H264", sdpFmtpLine: "packetization-mode=1;profile-level-id=f4001f" }, "H264-444"],
    [{ mimeType: "video/AV1" }, "AV1"],
    [{}, ""],
  ];
  for (const [format, want] of formats) {
    const received = entries({}, {}).map((entry) => (entry.id === "C" ? { id: "C", type: "codec", ...format } : entry));
    assert.equal(readReport(received).codec, want);
  }
});

test("the watchdog asks once for a queue that stands", () => {
  const watch = (delays: (at: number) => number, ms: number) => {
    const dog = new Watchdog();
    const asked: number[] = [];
    for (let at = 0; at <= ms; at += 100) if (dog.presented(at, delays(at))) asked.push(at);
    return asked;
  };
  assert.deepEqual(watch(() => 20, 10_000), []);
  assert.deepEqual(watch(() => 150, 6900), [2000], "every frame late");
  assert.deepEqual(watch(() => 150, 7000), [2000, 7000], "again after a while");
  assert.deepEqual(watch((at) => (at % 1000 ? 150 : 20), 10_000), [], "late by turns");
});

test("the watchdog sees a growing jitter buffer", () => {
  const dog = new Watchdog();
  assert.ok(!dog.buffered(0, 1, 100));
  assert.ok(!dog.buffered(1000, 1 + 30 * 0.2, 130));
  assert.ok(!dog.buffered(2000, 7 + 30 * 0.2, 160));
  assert.ok(dog.buffered(3000, 13 + 30 * 0.2, 190));
  assert.ok(!dog.buffered(9000, 19, 190), "no frames, no word");
});
