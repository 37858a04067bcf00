/** Gathers the statistics of one path, and watches for a standing queue. */

import type { ServerClock } from "./clock.ts";
import { FrameLog, type Path, type Presented, type Received, type Stats } from "./stats.ts";
import { Watchdog } from "./watchdog.ts";

export class Meter {
  readonly frames: FrameLog;
  /** Whether a frame has been shown. */
  shown = false;
  private watchdog = new Watchdog();
  private received: Received | null = null;
  private measured = 0;
  private bitrate = 0;

  /** resync asks the server for a key frame. */
  constructor(
    private readonly server: ServerClock,
    private readonly resync: () => void,
  ) {
    this.frames = new FrameLog(server);
  }

  get path(): Path {
    return this.received?.path ?? "";
  }

  /** A frame has been handed to the compositor. */
  presented(frame: Presented): void {
    this.shown = true;
    this.frames.present(frame);
    if (frame.receiveTime === undefined) return;
    const { presentationTime: now } = frame;
    if (this.watchdog.presented(now, now - frame.receiveTime)) this.resync();
  }

  /** Takes the totals at the page's time now, in ms. */
  report(received: Received, now: number): void {
    const before = this.received;
    const seconds = (now - this.measured) / 1000;
    if (before && seconds > 0.2) this.bitrate = Math.max(0, ((received.bytes - before.bytes) * 8) / seconds);
    this.received = received;
    this.measured = now;
    if (this.watchdog.buffered(now, received.bufferDelay, received.bufferEmitted)) this.resync();
  }

  /** Everything but what the page knows of its screen. */
  stats(now: number): Omit<Stats, "version" | "transport" | "encoding" | "gpus" | "width" | "height"> {
    const { received, server } = this;
    return {
      path: this.path,
      codec: received?.codec ?? "",
      framesPerSecond: this.frames.framesPerSecond(now),
      bitrate: this.bitrate,
      roundTrip: Number.isFinite(server.roundTrip) ? server.roundTrip : null,
      framesDecoded: received?.decoded ?? 0,
      framesDropped: received?.dropped ?? 0,
      packetsLost: received?.lost ?? 0,
      keyFramesDecoded: received?.keys ?? 0,
      freezes: received?.freezes ?? 0,
      quantizer: this.frames.quantizer,
      ...this.frames.medians(now),
    };
  }

  /** Another connection begins. */
  reset(): void {
    this.frames.reset();
    this.watchdog = new Watchdog();
    this.shown = false;
    this.received = null;
    this.bitrate = 0;
  }
}
