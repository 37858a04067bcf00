/** The worker's half of the pictures on the WebSocket: decodes them and draws them onto the canvas. */

import { parseRectangles, type Picture } from "./picture.ts";

/** To the worker. */
export type Order =
  /** The first: where to draw. */
  | { type: "canvas"; canvas: OffscreenCanvas }
  | { type: "picture"; picture: Picture }
  /** Nothing comes for now; what follows begins with a key frame and belongs to this run. */
  | { type: "rest"; run: number };

/** From the worker, of which run. Times are ms since 1970, for a worker's clock begins when it does. */
export type Report = { run: number } & News;

type News =
  /** The picture of this sequence has left the decoder, and so have those before it. */
  | { type: "decoded"; id: number; at: number }
  /** It has been drawn. */
  | { type: "painted"; id: number; width: number; height: number }
  /** Only a key frame is of use from now on. */
  | { type: "failed"; message: string };

/** A frame that waits this long for a newer one is drawn although a newer one is under way, in ms. */
const OVERDUE = 50;

/** Something that turns pictures of one codec into what is drawn. */
interface Decoder {
  decode(picture: Picture): void;
  close(): void;
}

interface Listener {
  /** The picture of this sequence is decoded; draw draws it, or is null when it was dropped. */
  decoded(id: number, draw: ((context: OffscreenCanvasRenderingContext2D) => void) | null, size: { width: number; height: number }): void;
  failed(error: unknown): void;
}

export class Painter {
  private context: OffscreenCanvasRenderingContext2D | null = null;
  private decoder: Decoder | null = null;
  private codec = "";
  private pending: number[] = [];
  private drawn = -Infinity;
  private run = 0;

  constructor(private readonly report: (report: Report) => void) {}

  take(order: Order): void {
    switch (order.type) {
      case "canvas":
        this.context = order.canvas.getContext("2d", { alpha: false });
        return;
      case "picture":
        return this.decode(order.picture);
      case "rest":
        this.stop();
        this.run = order.run;
        return;
    }
  }

  private decode(picture: Picture): void {
    const { id, key } = picture.times;
    if (this.decoder && this.codec !== picture.codec) this.stop();
    this.pending.push(id);
    if (!this.decoder && !key) return this.done(id);
    this.codec = picture.codec;
    try {
      this.decoder ??= this.open(picture);
      this.decoder.decode(picture);
    } catch (error) {
      this.fail(error);
    }
  }

  private open({ codec }: Picture): Decoder {
    // A decoder that has been closed may still have something to say.
    const current = () => this.decoder === decoder;
    const listener: Listener = {
      decoded: (id, draw, size) => current() && this.finish(id, draw, size),
      failed: (error) => current() && this.fail(error),
    };
    const decoder = codec === "jpeg" ? new JPEGDecoder(listener) : new FrameDecoder(codec, listener);
    return decoder;
  }

  private finish(...[id, draw, size]: Parameters<Listener["decoded"]>): void {
    this.done(id);
    const now = performance.now();
    const { context } = this;
    if (!draw || !context) return;
    // The newest wins, as long as something is seen now and then.
    if (this.codec !== "jpeg" && this.pending.length > 0 && now - this.drawn < OVERDUE) return;
    this.drawn = now;
    const { canvas } = context;
    if (canvas.width !== size.width || canvas.height !== size.height) Object.assign(canvas, size);
    draw(context);
    this.tell({ type: "painted", id, ...size });
  }

  private done(id: number): void {
    const at = this.pending.indexOf(id);
    if (at < 0) return;
    this.pending.splice(0, at + 1);
    this.tell({ type: "decoded", id, at: performance.timeOrigin + performance.now() });
  }

  private fail(error: unknown): void {
    this.stop();
    this.tell({ type: "failed", message: String(error) });
  }

  private tell(news: News): void {
    this.report({ run: this.run, ...news });
  }

  private stop(): void {
    this.decoder?.close();
    this.decoder = null;
    const last = this.pending.at(-1);
    if (last !== undefined) this.done(last);
  }
}

/** How the server makes YUV of the desktop's colours, which are sRGB: as BT.601 does, also where the stream cannot say so. */
const encoded: VideoColorSpaceInit = { primaries: "bt709", transfer: "bt709", matrix: "smpte170m", fullRange: false };

/** Video, by WebCodecs (https://www.w3.org/TR/webcodecs/). */
class FrameDecoder implements Decoder {
  private readonly decoder: VideoDecoder;

  constructor(
    codec: string,
    private readonly listener: Listener,
  ) {
    this.decoder = new VideoDecoder({
      output: (frame) => this.output(frame),
      error: (error) => listener.failed(error),
    });
    this.decoder.configure({ codec, colorSpace: encoded, optimizeForLatency: true });
  }

  decode({ times, payload }: Picture): void {
    // The timestamp is ours to choose, and comes back with the frame.
    const type = times.key ? "key" : "delta";
    this.decoder.decode(new EncodedVideoChunk({ type, timestamp: times.id, data: payload }));
  }

  close(): void {
    if (this.decoder.state !== "closed") this.decoder.close();
  }

  private output(frame: VideoFrame): void {
    const size = { width: frame.displayWidth, height: frame.displayHeight };
    this.listener.decoded(frame.timestamp, (context) => context.drawImage(frame, 0, 0), size);
    frame.close();
  }
}

/** Rectangles of JPEG: where there is no WebCodecs, as on a page that came by plain HTTP. */
class JPEGDecoder implements Decoder {
  private queue: Promise<void> = Promise.resolve();

  constructor(private readonly listener: Listener) {}

  decode({ times, payload, width, height }: Picture): void {
    const rectangles = parseRectangles(payload);
    if (!rectangles) throw new Error("malformed rectangles");
    const images = Promise.all(
      rectangles.map(({ jpeg }) => createImageBitmap(new Blob([jpeg], { type: "image/jpeg" }), { colorSpaceConversion: "none" })),
    );
    images.catch(() => {}); // told of below, in its turn
    this.queue = this.queue.then(async () => {
      try {
        const bitmaps = await images;
        const draw = (context: OffscreenCanvasRenderingContext2D) =>
          rectangles.forEach(({ x, y }, i) => bitmaps[i] && context.drawImage(bitmaps[i], x, y));
        this.listener.decoded(times.id, draw, { width, height });
        for (const bitmap of bitmaps) bitmap.close();
      } catch (error) {
        this.listener.failed(error);
      }
    });
  }

  close(): void {
    // What is under way is of no use any more, which the listener knows.
  }
}
