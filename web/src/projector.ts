/**
 * The pictures on the WebSocket, on the page's side of the worker that decodes them: puts
 * them together, acknowledges them, and knows what became of each.
 */

import type { Clock } from "./clock.ts";
import type { Codec } from "./codec.ts";
import type { FrameTimes } from "./frametimes.ts";
import type { Size } from "./geometry.ts";
import { close, type Image, type Order, type Report } from "./decoder.ts";
import { Assembler, encodeAcknowledgement } from "./picture.ts";
import type { Presented, Received } from "./stats.ts";

/** The worker, or what stands in for it. */
export interface Decoder {
  postMessage(order: Order, transfer: Transferable[]): void;
  onmessage: ((event: MessageEvent<Report>) => void) | null;
}

/** Where the pictures are drawn. */
export interface Surface {
  show(id: number, image: Image): void;
  onshown: ((id: number, size: Size) => void) | null;
}

export interface ProjectorListener {
  /** To the server. */
  send(bytes: Uint8Array<ArrayBuffer>): void;
  /** Only a key frame is of use now. */
  key(): void;
  /** A picture has arrived. */
  arrived(times: FrameTimes): void;
  /** The tab is being drawn with a picture of this size in it. */
  presented(frame: Presented, size: Size): void;
  /** The decoder of this codec fails again and again without showing anything; null: the worker has never answered at all. */
  hopeless(codec: Codec | null): void;
}

/** A key frame that does not come is asked for again after this, in ms. */
const KEY_AGAIN = 2000;
/** Failures in a row after which no more is hoped for. */
const FAILURES = 3;
/** A decoder that has work and lets nothing out for this long has failed; a timer later than SLACK says nothing. In ms. */
const STUCK = 5000;
const SLACK = 1000;
/** Decoded pictures remembered, at most, while none is shown. */
const MAX_DECODED = 256;

interface Arrival {
  id: number;
  at: number;
  /** From its arrival until it was decoded, in ms. */
  decode: number;
}

export class Projector {
  private readonly assembler = new Assembler();
  /** What has arrived and is not decoded, and what is decoded and not presented. */
  private waiting: Arrival[] = [];
  private decoded: Arrival[] = [];
  private newest: Arrival | null = null;
  /** Of the newest picture. */
  private codec: Codec = "vp8";
  /** The decoder has answered. */
  private heard = false;
  private decode = 0;
  /** The newest acknowledgement said that more than one was waiting. */
  private crowded = false;
  /** When a key frame was asked for, while it is waited for. */
  private asked: number | null = null;
  private failures = 0;
  private cancelWatch = () => {};
  /** Counts the sockets: sequences begin anew with each. */
  private run = 0;
  private totals: Received = none();

  constructor(
    private readonly clock: Clock,
    /** The time on the clock's zero, in ms since 1970. */
    private readonly origin: number,
    private decoder: Decoder,
    private readonly surface: Surface,
    private readonly listener: ProjectorListener,
  ) {
    this.use(decoder);
    surface.onshown = (id, size) => this.shown(id, size);
  }

  /** Decodes by this one from the next socket on; what another one still says means nothing. */
  use(decoder: Decoder): void {
    this.decoder.onmessage = null;
    this.decoder = decoder;
    this.heard = false;
    decoder.onmessage = ({ data }) => this.report(data);
  }

  /** Totals of this socket. */
  get received(): Received {
    return this.totals;
  }

  /** Takes a message that is a picture or a part of one. */
  take(data: ArrayBuffer): void {
    const now = this.clock.now();
    this.totals = { ...this.totals, bytes: this.totals.bytes + data.byteLength };
    const picture = this.assembler.add(data);
    if (picture === "broken") {
      this.rest();
      return this.needKey();
    }
    if (!picture) return;
    const { times } = picture;
    if (times.key) {
      this.asked = null;
      this.totals.keys++;
    } else if (this.asked !== null && now - this.asked > KEY_AGAIN) this.needKey();
    this.codec = picture.codec;
    this.totals.codec = picture.codec.toUpperCase();
    this.newest = { id: times.id, at: now, decode: 0 };
    this.waiting.push(this.newest);
    if (this.waiting.length === 1) this.watch();
    this.acknowledge(this.newest);
    this.listener.arrived(times);
    this.decoder.postMessage({ type: "picture", picture }, [picture.payload.buffer]);
  }

  /** Nothing comes for now: the decoder is not needed. */
  rest(): void {
    this.decoder.postMessage({ type: "rest", run: this.run }, []);
  }

  /** Another socket begins. */
  reset(): void {
    this.run++;
    this.rest();
    this.assembler.reset();
    this.cancelWatch();
    this.waiting = [];
    this.decoded = [];
    this.newest = null;
    this.decode = 0;
    this.crowded = false;
    this.asked = null;
    this.failures = 0;
    this.totals = none();
  }

  private report(report: Report): void {
    this.heard = true;
    if (report.type === "rested") return;
    if (report.type === "failed") {
      if (report.run === this.run) this.failed(report.message);
      return;
    }
    const { id, image } = report;
    if (report.run === this.run) {
      this.finished(id, report.at - this.origin);
      if (image) this.surface.show(id, image);
    } else if (image) close(image);
  }

  /** Looks after a while whether the decoder has let out anything of what waits. */
  private watch(): void {
    this.cancelWatch();
    const due = this.clock.now() + STUCK;
    this.cancelWatch = this.clock.after(STUCK, () => {
      const late = this.clock.now() - due > SLACK; // the page itself was stopped, or asleep
      this.watch();
      if (late) return;
      this.rest();
      this.failed("no answer");
    });
  }

  private failed(message: string): void {
    console.warn("lucarne: decoder:", message);
    this.needKey();
    if (++this.failures === FAILURES) this.listener.hopeless(this.heard ? this.codec : null);
  }

  private finished(id: number, at: number): void {
    const last = this.waiting.findIndex((arrival) => arrival.id === id);
    for (const arrival of this.waiting.splice(0, last + 1)) {
      arrival.decode = this.decode = Math.max(0, at - arrival.at);
      this.decoded.push(arrival);
      this.totals.decoded++;
    }
    if (this.waiting.length > 0) this.watch();
    else this.cancelWatch();
    this.decoded.splice(0, this.decoded.length - MAX_DECODED);
    if (this.crowded && this.waiting.length === 0 && this.newest) this.acknowledge(this.newest);
  }

  private shown(id: number, size: Size): void {
    const last = this.decoded.findIndex((arrival) => arrival.id === id);
    const arrival = this.decoded[last];
    if (!arrival) return; // of another socket
    this.failures = 0;
    this.totals.dropped += last;
    this.decoded.splice(0, last + 1);
    const frame = {
      rtpTimestamp: id,
      receiveTime: arrival.at,
      processingDuration: arrival.decode / 1000,
      presentationTime: this.clock.now(),
    };
    this.listener.presented(frame, size);
  }

  private acknowledge({ id, at }: Arrival): void {
    const waiting = this.waiting.length;
    this.crowded = waiting > 1;
    this.listener.send(encodeAcknowledgement({ sequence: id, decode: this.decode, arrived: at, waiting }));
  }

  private needKey(): void {
    this.asked = this.clock.now();
    this.listener.key();
  }
}

const none = (): Received => ({
  path: "",
  codec: "",
  bytes: 0,
  decoded: 0,
  dropped: 0,
  lost: 0,
  keys: 0,
  freezes: 0,
  bufferDelay: 0,
  bufferEmitted: 0,
});
