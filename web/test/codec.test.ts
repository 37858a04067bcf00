import assert from "node:assert/strict";
import { test } from "node:test";
import { askDecodable, decodesAny, labelOf, ofRTP, readCodec, receivable } from "../src/codec.ts";
import { FakeClock, settle } from "./fakes.ts";

const plain = { Worker: 1, createImageBitmap: 1 };
const screen = { width: 1920, height: 1080 };

/** A browser whose decoder says yes to some, as the map says, and keeps silent about others. */
const browser = (answers: Record<string, boolean>) => ({
  ...plain,
  VideoDecoder: {
    isConfigSupported: ({ codec }: { codec: string }) =>
      codec in answers ? Promise.resolve({ supported: answers[codec] }) : new Promise(() => {}),
  },
});

test("what can be decoded is asked of the browser", async () => {
  const all = { vp8: true, "avc1.42E034": true, "avc1.F40034": true };
  const clock = new FakeClock();
  const cases: [string, object, string[]][] = [
    ["everything", browser(all), ["vp8", "h264", "h264-444", "jpeg"]],
    ["without the codecs that cost", browser({ ...all, "avc1.42E034": false, "avc1.F40034": false }), ["vp8", "jpeg"]],
    ["without WebCodecs", plain, ["jpeg"]],
  ];
  for (const [name, scope, want] of cases) assert.deepEqual(await askDecodable(clock, screen, scope), want, name);
  assert.deepEqual(await askDecodable(clock, screen, { VideoDecoder: 1 }), []);
  assert.equal(decodesAny({ VideoDecoder: 1 }), false);
});

test("a question that fails, or is not answered, is a no", async () => {
  const clock = new FakeClock();
  const scope = browser({ vp8: true });
  const answer = askDecodable(clock, screen, scope);
  await settle();
  clock.turn(1000);
  assert.deepEqual(await answer, ["vp8", "jpeg"]);
  scope.VideoDecoder.isConfigSupported = () => Promise.reject(new TypeError("unknown"));
  assert.deepEqual(await askDecodable(clock, screen, scope), ["jpeg"]);
});

test("what can be received is what the browser lists", () => {
  const codecs = [
    { mimeType: "video/VP8" },
    { mimeType: "video/rtx" },
    { mimeType: "video/H264", sdpFmtpLine: "packetization-mode=1;profile-level-id=42001f" },
    { mimeType: "video/H264", sdpFmtpLine: "packetization-mode=1;profile-level-id=42e01f" },
    { mimeType: "video/H264", sdpFmtpLine: "profile-level-id=F4001F;packetization-mode=1" },
    { mimeType: "video/AV1" },
  ];
  const scope = { RTCRtpReceiver: { getCapabilities: () => ({ codecs }) } };
  assert.deepEqual(receivable(scope), ["vp8", "h264", "h264-444"]);
  assert.deepEqual(receivable({}), []);
  assert.deepEqual(receivable({ RTCRtpReceiver: { getCapabilities: () => null } }), []);
  assert.equal(ofRTP("video/H264"), "h264");
});

test("names of codecs are read in any case, and said as people say them", () => {
  assert.deepEqual(["H264-444", "vp8", "av1", "constructor", ""].map(readCodec), ["h264-444", "vp8", "", "", ""]);
  assert.deepEqual(["H264-444", "h264", "AV1"].map(labelOf), ["H.264 4:4:4", "H.264", "AV1"]);
});
