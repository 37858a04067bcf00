/**
 * Pictures on the WebSocket, and what the page answers: binary messages, big endian,
 * as the server's package wsmedia documents them.
 */

import type { Codec } from "./codec.ts";
import type { FrameTimes } from "./frametimes.ts";

/** One encoded picture. Its sequence is times.id. */
export interface Picture {
  codec: Codec;
  /** What WebCodecs calls it, as the stream itself has it (RFC 6381). */
  config: string;
  width: number;
  height: number;
  times: FrameTimes;
  payload: Uint8Array<ArrayBuffer>;
}

/** A message of a picture: all of it, or a part that others follow. */
export interface Part extends Picture {
  more: boolean;
}

const TYPE = 2;
const HEADER = 40;
const H264 = 2;
const codecs: Record<number, Codec> = { 1: "vp8", [H264]: "h264", 3: "jpeg" };
/** profile_idc of High 4:4:4 Predictive (ITU-T H.264, A.2.11). */
const HIGH_444 = 0xf4;
/** The largest picture, in bytes. */
const MAX_PICTURE = 16 << 20;

/** The first byte of a probe and of its answer, and how long both are. */
const PROBE = 32;
const PROBE_SIZE = 9;

/** The first byte of a binary message; -1 for an empty one. */
export const typeOf = (data: ArrayBuffer): number => (data.byteLength > 0 ? new DataView(data).getUint8(0) : -1);

/** Reads one message; null when it is none. The payload is a view of data. */
export function parsePart(data: ArrayBuffer): Part | null {
  if (typeOf(data) !== TYPE || data.byteLength < HEADER) return null;
  const view = new DataView(data);
  const flags = view.getUint8(1);
  const number = view.getUint8(2);
  const codec = codecs[number];
  if (!codec) return null;
  return {
    ...(number === H264 ? profileOf(view) : { codec, config: codec }),
    width: view.getUint16(8),
    height: view.getUint16(10),
    more: (flags & 8) !== 0,
    times: {
      id: view.getUint32(4),
      damaged: view.getUint32(12) * 2 ** 32 + view.getUint32(16),
      grabbed: view.getUint32(20),
      converted: view.getUint32(24),
      encoded: view.getUint32(28),
      sent: view.getUint32(32),
      bytes: data.byteLength - HEADER,
      quantizer: view.getUint8(36),
      key: (flags & 1) !== 0,
      refinement: (flags & 2) !== 0,
      settled: (flags & 4) !== 0,
    },
    payload: new Uint8Array(data, HEADER),
  };
}

/** The profile and the level of H.264, which the header has of the stream. */
function profileOf(view: DataView): Pick<Picture, "codec" | "config"> {
  const digits = [37, 38, 39].map((at) => view.getUint8(at).toString(16).padStart(2, "0"));
  return { codec: view.getUint8(37) === HIGH_444 ? "h264-444" : "h264", config: `avc1.${digits.join("")}` };
}

/** Puts the parts of pictures together. What does not fit is an error, after which only a key frame is of use. */
export class Assembler {
  private parts: Part[] = [];
  private bytes = 0;
  private last = 0;

  /** Takes a message: a whole picture with its last part, null before that, "broken" when it cannot be right. */
  add(data: ArrayBuffer): Picture | null | "broken" {
    const part = parsePart(data);
    const first = this.parts[0];
    const fits = part && (first ? part.times.id === first.times.id : part.times.id === (this.last + 1) >>> 0);
    if (!part || !fits || this.bytes + part.payload.length > MAX_PICTURE) {
      this.forget();
      if (part) this.last = part.times.id;
      return "broken";
    }
    this.parts.push(part);
    this.bytes += part.payload.length;
    if (part.more) return null;
    const { parts, bytes } = this;
    this.forget();
    this.last = part.times.id;
    return parts.length === 1 ? part : { ...part, times: { ...part.times, bytes }, payload: join(parts, bytes) };
  }

  /** Another socket counts anew. */
  reset(): void {
    this.forget();
    this.last = 0;
  }

  private forget(): void {
    this.parts = [];
    this.bytes = 0;
  }
}

function join(parts: Part[], bytes: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const { payload } of parts) {
    whole.set(payload, at);
    at += payload.length;
  }
  return whole;
}

/** What the page says of a picture that has arrived. */
export interface Acknowledgement {
  sequence: number;
  /** How long the newest picture decoded by now took from its arrival, in ms; 0 unknown. */
  decode: number;
  /** When the picture had arrived, on the page's clock in ms. */
  arrived: number;
  /** Pictures that have arrived and are not decoded, this one included. */
  waiting: number;
}

export function encodeAcknowledgement(ack: Acknowledgement): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(14));
  view.setUint8(0, 16);
  view.setUint32(1, ack.sequence);
  view.setUint32(5, Math.min(Math.max(0, Math.round(ack.decode * 1000)), 0xffffffff));
  view.setUint32(9, Math.round(ack.arrived * 1000) % 2 ** 32);
  view.setUint8(13, Math.min(ack.waiting, 255));
  return new Uint8Array(view.buffer);
}

/** A probe with a number of the page's own. */
export function encodeProbe(number: number): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(PROBE_SIZE));
  view.setUint8(0, PROBE);
  view.setUint32(5, number);
  return new Uint8Array(view.buffer);
}

/** The number of a probe that has come back; null when it is none. */
export function parseProbe(data: ArrayBuffer): number | null {
  return typeOf(data) === PROBE && data.byteLength === PROBE_SIZE ? new DataView(data).getUint32(5) : null;
}

/** One rectangle of a picture of JPEG rectangles. */
export interface Rectangle {
  x: number;
  y: number;
  width: number;
  height: number;
  jpeg: Uint8Array<ArrayBuffer>;
}

/** Reads the payload of a picture of JPEG rectangles; null when it is none. */
export function parseRectangles(payload: Uint8Array<ArrayBuffer>): Rectangle[] | null {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  if (view.byteLength < 2) return null;
  const rectangles: Rectangle[] = [];
  let at = 2;
  for (let left = view.getUint16(0); left > 0; left--) {
    if (at + 12 > view.byteLength) return null;
    const from = at + 12;
    const to = from + view.getUint32(at + 8);
    if (to > view.byteLength) return null;
    rectangles.push({
      x: view.getUint16(at),
      y: view.getUint16(at + 2),
      width: view.getUint16(at + 4),
      height: view.getUint16(at + 6),
      jpeg: payload.subarray(from, to),
    });
    at = to;
  }
  return at === view.byteLength ? rectangles : null;
}
