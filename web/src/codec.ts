/** Codecs: as the server names them, which of them this browser decodes, and what people call them. */

import type { Clock } from "./clock.ts";
import type { Size } from "./geometry.ts";

export type Codec = "vp8" | "h264" | "h264-444" | "jpeg";

/** What people call them. */
const labels: Record<Codec, string> = { vp8: "VP8", h264: "H.264", "h264-444": "H.264 4:4:4", jpeg: "JPEG" };

/** Reads the name of a codec in any case; "" when it is none of ours. */
export function readCodec(name: string): Codec | "" {
  const lower = name.toLowerCase();
  return Object.hasOwn(labels, lower) ? (lower as Codec) : "";
}

/** What people call the codec of a name, the name itself where it is none of ours. */
export function labelOf(name: string): string {
  const codec = readCodec(name);
  return codec ? labels[codec] : name;
}

/** The codecs of WebCodecs as they are asked for (RFC 6381): H.264 at level 5.2, which any screen fits into. */
const asked: [Codec, string][] = [
  ["vp8", "vp8"],
  ["h264", "avc1.42E034"],
  ["h264-444", "avc1.F40034"],
];

/** What has not been answered after this long is taken for a no, in ms. */
const PATIENCE = 1000;

/** What can be taken off the socket, with a screen of this size: asked of WebCodecs (W3C WebCodecs §4); JPEG needs none of it. */
export async function askDecodable(clock: Clock, { width, height }: Size, scope: object = globalThis): Promise<Codec[]> {
  if (!decodesAny(scope)) return [];
  const codecs: Codec[] = [];
  const decoder = (scope as Partial<typeof globalThis>).VideoDecoder;
  if (decoder) {
    const config = { codedWidth: width, codedHeight: height, optimizeForLatency: true };
    const answers = asked.map(async ([codec, string]) => {
      const { supported } = await decoder.isConfigSupported({ ...config, codec: string });
      if (supported) codecs.push(codec);
    });
    await Promise.race([Promise.allSettled(answers), new Promise<void>((resolve) => clock.after(PATIENCE, resolve))]);
  }
  return [...codecs, "jpeg"];
}

/** Whether anything can be taken off the socket. */
export const decodesAny = (scope: object = globalThis): boolean => "Worker" in scope && "createImageBitmap" in scope;

/** What can be received by WebRTC, as far as the browser tells. */
export function receivable(scope: object = globalThis): Codec[] {
  const receiver = (scope as Partial<typeof globalThis>).RTCRtpReceiver;
  const codecs = receiver?.getCapabilities?.("video")?.codecs ?? [];
  return [...new Set(codecs.map(({ mimeType, sdpFmtpLine }) => ofRTP(mimeType, sdpFmtpLine)).filter((codec) => codec !== ""))];
}

/** The codec of an RTP payload format: its media type and its parameters (RFC 6184 §8.1 for H.264). */
export function ofRTP(mimeType: string, parameters = ""): Codec | "" {
  const codec = readCodec(mimeType.replace(/^video\//i, ""));
  return codec === "h264" && /profile-level-id=f4/i.test(parameters) ? "h264-444" : codec;
}
