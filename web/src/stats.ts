/**
 * How fast it is: each frame's way from the change on the desktop to the
 * picture in the tab, and what the browser counts.
 *
 * window.lucarne.stats() returns a Stats; see README.md for its fields.
 */

import type { ServerClock } from "./clock.ts";
import { ofRTP } from "./codec.ts";
import type { FrameTimes } from "./frametimes.ts";
import type { Encoding, GPU } from "./protocol.ts";

/** The stages of a frame, in order; each is the time since the one before, the first since the damage. */
export const stages = ["grab", "convert", "encode", "send", "receive", "decode", "present"] as const;
export type Stage = (typeof stages)[number];

export interface Stats {
  /** Version of the page. */
  version: string;
  /** What carries the picture; "" while nothing does. */
  transport: "webrtc" | "ws" | "";
  /** How WebRTC gets through; "" while unknown. */
  path: Path;
  /** "VP8", "H264", "H264-444", "JPEG"; "" while unknown. */
  codec: string;
  /** How the server says that it makes the pictures; null while it has not. */
  encoding: Encoding | null;
  /** How the GPUs are; none while the statistics are not shown. */
  gpus: GPU[];
  /** Of the picture, in pixels. */
  width: number;
  height: number;
  /** Frames shown in the last second. */
  framesPerSecond: number;
  /** Of the video, in bits a second, over the last second. */
  bitrate: number;
  /** Of a ping on the WebSocket, in ms; null before the first. */
  roundTrip: number | null;
  /** Totals of this connection. */
  framesDecoded: number;
  framesDropped: number;
  packetsLost: number;
  keyFramesDecoded: number;
  freezes: number;
  /** Quantizer of the newest frame, on the codec's own scale; null when unknown. */
  quantizer: number | null;
  /** Medians in ms over the last seconds; null without a frame to tell. */
  stages: Record<Stage | "total", number | null>;
  /** How many frames the medians are of. */
  samples: number;
}

export type Path = "udp" | "tcp" | "relay" | "";

/** What requestVideoFrameCallback tells, as far as it is used. */
export interface Presented {
  rtpTimestamp?: number;
  /** Page time in ms at which the last packet had arrived. */
  receiveTime?: number;
  /** Seconds in the decoder. */
  processingDuration?: number;
  /** Page time in ms at which the frame was handed to the compositor. */
  presentationTime: number;
}

type Sample = { at: number } & Record<Stage | "total", number>;

/** Frames of which only one half is known yet, kept at most. */
const MAX_UNMATCHED = 512;
/** Medians are over this long, in ms. */
const WINDOW = 5000;
const MAX_SAMPLES = 1024;

/** Joins what the server and the browser know of each frame, by RTP timestamp. */
export class FrameLog {
  private readonly sent = new Map<number, FrameTimes>();
  private readonly shown = new Map<number, Presented>();
  private samples: Sample[] = [];
  private presentations: number[] = [];
  quantizer: number | null = null;

  constructor(private readonly server: ServerClock) {}

  /** Takes the server's times. */
  add(frames: FrameTimes[]): void {
    for (const frame of frames) {
      this.quantizer = frame.quantizer;
      const presented = this.shown.get(frame.id);
      if (presented) this.join(frame, presented);
      else bounded(this.sent, frame.id, frame);
    }
  }

  /** Takes a presented frame. */
  present(frame: Presented): void {
    this.presentations.push(frame.presentationTime);
    if (this.presentations.length > MAX_SAMPLES) this.presentations.shift();
    if (frame.rtpTimestamp === undefined) return;
    const sent = this.sent.get(frame.rtpTimestamp);
    if (sent) this.join(sent, frame);
    else bounded(this.shown, frame.rtpTimestamp, frame);
  }

  /** Frames presented in the second before the page's time now. */
  framesPerSecond(now: number): number {
    return this.presentations.filter((at) => at > now - 1000).length;
  }

  /** The medians over the last seconds before now. */
  medians(now: number): Pick<Stats, "stages" | "samples"> {
    const recent = this.samples.filter((sample) => sample.at > now - WINDOW);
    const of = (name: Stage | "total") => median(recent.map((sample) => sample[name]));
    const all = [...stages, "total"].map((name) => [name, of(name as Stage)]);
    return { stages: Object.fromEntries(all) as Stats["stages"], samples: recent.length };
  }

  reset(): void {
    this.sent.clear();
    this.shown.clear();
    this.samples = [];
    this.presentations = [];
    this.quantizer = null;
  }

  private join(frame: FrameTimes, shown: Presented): void {
    this.sent.delete(frame.id);
    this.shown.delete(frame.id);
    const damaged = this.server.toPage(frame.damaged);
    const at = shown.presentationTime;
    const received = shown.receiveTime ?? NaN;
    const decode = (shown.processingDuration ?? NaN) * 1000;
    const sent = damaged + frame.sent / 1000;
    // Nothing arrives before it is sent. What seems so left before the end of sending was noted, or,
    // beyond that, shows how far the server's clock is off at least.
    const early = received < sent ? sent - received : 0;
    const send = (frame.sent - frame.encoded) / 1000;
    const unsent = Math.min(early, send);
    this.samples.push({
      at,
      grab: frame.grabbed / 1000,
      convert: (frame.converted - frame.grabbed) / 1000,
      encode: (frame.encoded - frame.converted) / 1000,
      send: send - unsent,
      receive: received - sent + early,
      decode,
      present: at - received - decode,
      total: at - damaged + early - unsent,
    });
    if (this.samples.length > MAX_SAMPLES) this.samples.shift();
  }
}

/** The middle of the numbers among values; null when there is none. */
export function median(values: number[]): number | null {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  const half = sorted.length >> 1;
  const upper = sorted[half];
  if (upper === undefined) return null;
  return sorted.length % 2 ? upper : ((sorted[half - 1] ?? upper) + upper) / 2;
}

function bounded<V>(map: Map<number, V>, key: number, value: V): void {
  const oldest = map.keys().next();
  if (map.size >= MAX_UNMATCHED && !oldest.done) map.delete(oldest.value);
  map.set(key, value);
}

/** What has come by a path in all, as W3C webrtc-stats names it. */
export interface Received {
  path: Path;
  codec: string;
  bytes: number;
  decoded: number;
  dropped: number;
  lost: number;
  keys: number;
  freezes: number;
  bufferDelay: number;
  bufferEmitted: number;
}

type Entry = Record<string, unknown> & { type: string };

/** Reads a report (W3C webrtc-stats); a field that the browser leaves out is 0 or "". */
export function readReport(report: { forEach(fn: (entry: Entry) => void): void }): Received {
  const entries = new Map<unknown, Entry>();
  report.forEach((entry) => entries.set(entry.id, entry));
  const all = [...entries.values()];
  const video = all.find((entry) => entry.type === "inbound-rtp" && entry.kind === "video");
  const number = (name: string) => (typeof video?.[name] === "number" ? (video[name] as number) : 0);
  const format = entries.get(video?.codecId);
  const text = (name: string) => (typeof format?.[name] === "string" ? (format[name] as string) : "");
  const mime = text("mimeType");
  return {
    path: pathOf(all, entries),
    codec: ofRTP(mime, text("sdpFmtpLine")).toUpperCase() || mime.replace(/^video\//i, ""),
    bytes: number("bytesReceived"),
    decoded: number("framesDecoded"),
    dropped: number("framesDropped"),
    lost: number("packetsLost"),
    keys: number("keyFramesDecoded"),
    freezes: number("freezeCount"),
    bufferDelay: number("jitterBufferDelay"),
    bufferEmitted: number("jitterBufferEmittedCount"),
  };
}

function pathOf(all: Entry[], entries: Map<unknown, Entry>): Path {
  const transport = all.find((entry) => entry.type === "transport");
  const pair =
    entries.get(transport?.selectedCandidatePairId) ??
    all.find((entry) => entry.type === "candidate-pair" && (entry.selected === true || entry.nominated === true));
  const local = entries.get(pair?.localCandidateId);
  const remote = entries.get(pair?.remoteCandidateId);
  if (local?.candidateType === "relay" || remote?.candidateType === "relay") return "relay";
  const protocol = local?.protocol;
  return protocol === "udp" || protocol === "tcp" ? protocol : "";
}
