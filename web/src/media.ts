/** The picture: the ways by which it comes, which of them is seen, and how fast it is. */

import { Canvas } from "./canvas.ts";
import type { Clock, ServerClock } from "./clock.ts";
import { askDecodable, decodesAny, receivable, type Codec } from "./codec.ts";
import { Decoding } from "./decoder.ts";
import { parseFrameTimes } from "./frametimes.ts";
import type { Channel } from "./input.ts";
import { Ladder, type Rung } from "./ladder.ts";
import { Meter } from "./meter.ts";
import { encodeProbe, parseProbe } from "./picture.ts";
import { Projector, type Decoder } from "./projector.ts";
import type { ClientMessage, Reason, Transport } from "./protocol.ts";
import { Peer } from "./rtc.ts";
import type { Screen } from "./screen.ts";
import type { Settings } from "./settings.ts";
import { readReport, type Path, type Presented, type Stats } from "./stats.ts";

/** How long the first picture may keep the answer to WebRTC's offer waiting, and its way to the screen from then on, in ms. */
const PICTURE_FIRST = 1000;
const PICTURE_SEEN = 100;

export interface MediaListener {
  send(message: ClientMessage): void;
  /** The socket, while it is open. */
  socket(): Channel | null;
  /** Which path is seen, why, or whether it works has changed. */
  changed(): void;
  /** What can be decoded has changed, of which only another hello can tell the server. */
  again(): void;
}

/** The path that a page is bound to, and why; null: it may take the best. decodes: it can take something off the socket. */
export function pinned(transport: Settings["transport"], decodes: boolean, webrtc: boolean): { rung: Rung; why: Reason } | null {
  const bound = (rung: Rung, code: string) => ({ rung, why: { code, args: [] } });
  if (transport === "ws") return bound("ws", "path-pinned");
  if (!webrtc) return bound(transport === "webrtc" || !decodes ? "webrtc" : "ws", "webrtc-missing");
  if (transport === "webrtc") return bound("webrtc", "path-pinned");
  return decodes ? null : bound("webrtc", "ws-missing");
}

export class Media {
  /** What can be taken off the socket; null while that is asked. */
  private codecs: Codec[] | null = [];
  private asked = Promise.resolve();
  /** What can be received by WebRTC. */
  private received: Codec[] = [];
  private preferred: Codec | "";
  private paths: Transport = "auto";
  private readonly peer: Peer;
  /** Decodes what comes on the socket; null where nothing does, and once it has failed. */
  private worker: Worker | null = null;
  private projector: Projector | null = null;
  private readonly ladder: Ladder;
  private readonly meters: Record<Rung, Meter>;
  /** Answers the offer that waits for the first picture; null where none does. */
  private answer: (() => void) | null = null;

  constructor(
    private readonly clock: Clock,
    settings: Settings,
    server: ServerClock,
    private readonly screen: Screen,
    private readonly makeWorker: () => Worker,
    private readonly canvas: HTMLCanvasElement,
    private readonly listener: MediaListener,
  ) {
    const bound = boundTo(settings.transport);
    this.preferred = settings.codec;
    this.meters = {
      webrtc: new Meter(server, () => this.key()),
      // A queue of this path's is known to the server, which waits until there is none.
      ws: new Meter(server, () => {}),
    };
    this.peer = new Peer(clock, {
      send: (message) => listener.send(message),
      video: (stream) => screen.show(stream),
      message: (data) => this.answered("webrtc", data),
      refused: (server) => this.ladder.hinder({ code: "turn-refused", args: [server] }),
      changed: () => this.connected(),
    });
    this.furnish(bound?.rung ?? "auto");
    this.ladder = new Ladder(clock, bound, {
      watch: (paths) => {
        if (!paths.includes("ws")) this.projector?.rest();
        listener.send({ type: "watch", paths });
      },
      show: (rung) => {
        screen.shown = rung;
        listener.changed();
      },
      probe: (rung, number) => {
        const probe = encodeProbe(number);
        if (rung === "ws") listener.socket()?.send(probe);
        else this.peer.probe(probe);
      },
      losses: async () => this.report(await this.peer.stats()),
      restart: () => this.peer.restart(),
      changed: () => listener.changed(),
    });
  }

  /** Tells what hello says of it: at once, but for what can be decoded while that is asked. */
  hello(tell: (hello: { transport: Transport; codecs: Codec[]; codec?: Codec }) => void): void {
    const { paths, codecs, preferred } = this;
    if (!codecs) void this.asked.then(() => this.hello(tell));
    else tell({ transport: paths, codecs: paths === "webrtc" ? [] : codecs, ...(preferred && { codec: preferred }) });
  }

  /** The person wants the picture by one path alone, or by the best: by another socket, in the same page. */
  set transport(transport: Settings["transport"]) {
    const bound = boundTo(transport);
    this.furnish(bound?.rung ?? "auto");
    this.ladder.pin(bound);
    this.listener.again();
  }

  /** The codec that the person prefers, "" for none. */
  get codec(): Codec | "" {
    return this.preferred;
  }

  set codec(codec: Codec | "") {
    this.preferred = codec;
    this.listener.send({ type: "codec", codec });
  }

  /** What this browser decodes, by any of its paths. */
  get decodable(): Codec[] {
    const { paths, codecs, received } = this;
    return [...new Set([...((paths !== "webrtc" && codecs) || []), ...(paths !== "ws" ? received : [])])];
  }

  /** The path that is seen. */
  get shown(): Rung {
    return this.ladder.shown;
  }

  /** Why it is that one; null where it is the best, or that is being found out. */
  get why(): Reason | null {
    return this.ladder.why;
  }

  /** Whether a picture of this socket's has been shown. */
  get pictured(): boolean {
    return this.meters.ws.shown || this.meters.webrtc.shown;
  }

  /** How the path that is seen is, as WebRTC words it; the socket's own state is not looked at. */
  get state(): RTCPeerConnectionState {
    return this.shown === "ws" ? "connected" : this.peer.state;
  }

  /** How WebRTC gets through; "" where it is not seen, or not known. */
  get path(): Path {
    return this.meters[this.shown].path;
  }

  /** WebRTC's channels for input, while it is what is seen. */
  get input(): { keys: Channel; motion: Channel } | null {
    return this.shown === "webrtc" ? this.peer.input : null;
  }

  /** Another socket begins. */
  begin(): void {
    this.answer = null;
    this.peer.close();
    this.projector?.reset();
    for (const meter of Object.values(this.meters)) meter.reset();
    this.ladder.begin();
  }

  offer(sdp: string, generation: number, ice: RTCConfiguration): void {
    if (typeof RTCPeerConnection === "undefined") return;
    // A connection is much work for a browser, of which the first picture has none to spare.
    const answer = () => this.peer.offer(sdp, generation, ice);
    if (this.paths === "auto" && !this.pictured) this.postpone(answer);
    else answer();
    this.ladder.offered();
    if (ice.iceTransportPolicy === "relay" && !ice.iceServers?.length) this.ladder.hinder({ code: "turn-missing", args: [] });
  }

  candidate(candidate: RTCIceCandidateInit, generation: number): void {
    this.peer.candidate(candidate, generation);
  }

  /** The network is another one. */
  restart(): void {
    this.peer.restart();
  }

  /** The tab is hidden, or seen again. */
  hide(hidden: boolean): void {
    this.ladder.hide(hidden);
  }

  /** Takes a binary message of the socket's. */
  take(data: ArrayBuffer): void {
    if (this.answered("ws", data)) return;
    const times = parseFrameTimes(data);
    if (times.length === 0) {
      this.projector?.take(data);
      return;
    }
    this.meters.webrtc.frames.add(times);
    this.ladder.sent(times.map(({ id }) => id));
  }

  /** A frame of the video has been shown. */
  presented(frame: Presented): void {
    this.showed("webrtc", frame);
  }

  /** Brings the statistics up to date. */
  async poll(): Promise<void> {
    const now = this.clock.now();
    if (this.projector) this.meters.ws.report(this.projector.received, now);
    this.report(await this.peer.stats());
  }

  /** The statistics of the path that is seen. */
  stats(): Omit<Stats, "version" | "encoding" | "gpus"> {
    const { shown } = this;
    const meter = this.meters[shown];
    const carries = shown === "ws" ? meter.shown && this.listener.socket() !== null : this.peer.state === "connected";
    return { ...meter.stats(this.clock.now()), ...this.screen.pictureSize, transport: carries ? shown : "" };
  }

  /** Gets what these paths need, and has not been there before. */
  private furnish(paths: Transport): void {
    this.paths = paths;
    if (paths !== "ws" && this.received.length === 0) this.received = receivable();
    if (paths === "webrtc" || this.projector || !decodesAny()) return;
    this.codecs = null;
    this.asked = this.ask();
    this.worker = this.employ();
    this.projector = this.project(this.worker);
  }

  private key(): void {
    this.listener.send({ type: "key" });
  }

  private project(worker: Worker): Projector {
    return new Projector(this.clock, performance.timeOrigin, worker, new Canvas(this.canvas), {
      send: (bytes) => this.listener.socket()?.send(bytes),
      key: () => this.key(),
      arrived: (times) => this.meters.ws.frames.add([times]),
      presented: (frame, size) => {
        this.screen.paint(size);
        this.showed("ws", frame);
      },
      hopeless: (codec) => this.hopeless(codec),
    });
  }

  private async ask(): Promise<void> {
    const { width, height } = globalThis.screen;
    const size = { width: Math.round(width * devicePixelRatio), height: Math.round(height * devicePixelRatio) };
    const codecs = await askDecodable(this.clock, size);
    this.codecs ??= codecs;
  }

  private employ(): Worker {
    const worker = this.makeWorker();
    worker.onerror = () => this.hopeless(null);
    return worker;
  }

  /**
   * The decoder of a codec is of no use, or with null the worker. Another codec may be; without one the
   * plainest pictures are what is left, decoded without the worker, which may be what has failed.
   */
  private hopeless(failed: Codec | null): void {
    if (!this.worker) return;
    this.worker.terminate();
    const left = (this.codecs ?? []).filter((codec) => codec !== failed);
    const plain = failed === null || left.every((codec) => codec === "jpeg");
    this.codecs = plain ? ["jpeg"] : left;
    this.worker = plain ? null : this.employ();
    this.projector?.use(this.worker ?? decodingHere());
    this.listener.again();
  }

  /** Answers an offer once the first picture is in the tab, or does not come; of several, the last. */
  private postpone(answer: () => void): void {
    this.answer = answer;
    this.clock.after(PICTURE_FIRST, () => this.answerNow(answer));
  }

  private answerNow(answer: (() => void) | null): void {
    if (!answer || answer !== this.answer) return;
    this.answer = null;
    answer();
  }

  private showed(rung: Rung, frame: Presented): void {
    const { pictured } = this;
    this.meters[rung].presented(frame);
    this.ladder.presented(rung, frame.rtpTimestamp);
    if (pictured) return;
    this.listener.changed();
    const { answer } = this;
    this.clock.after(PICTURE_SEEN, () => this.answerNow(answer));
  }

  /** Takes what may be the answer to a probe; says whether it was. */
  private answered(rung: Rung, data: ArrayBuffer): boolean {
    const number = parseProbe(data);
    if (number !== null) this.ladder.answered(rung, number);
    return number !== null;
  }

  private connected(): void {
    const connected = this.peer.input !== null;
    this.ladder.connect(connected);
    this.listener.changed();
    if (connected) void this.poll().then(() => this.listener.changed());
  }

  /** Takes a report of WebRTC's, and returns how many packets it says were lost. */
  private report(report: RTCStatsReport | null): number {
    if (!report) return 0;
    const received = readReport(report);
    this.meters.webrtc.report(received, this.clock.now());
    return received.lost;
  }
}

/** The path that this browser is bound to. */
function boundTo(transport: Settings["transport"]): ReturnType<typeof pinned> {
  return pinned(transport, decodesAny(), typeof RTCPeerConnection !== "undefined");
}

/** Stands in for the worker, in the page itself. */
function decodingHere(): Decoder {
  const here: Decoder = { onmessage: null, postMessage: (order) => decoding.take(order) };
  const decoding = new Decoding((data) => here.onmessage?.(new MessageEvent("message", { data })));
  return here;
}
