/** The worker's half of the pictures on the WebSocket: decodes them. */

import type { Size } from "./geometry.ts";
import { parseRectangles, type Picture } from "./picture.ts";

/** A picture, decoded, with its size: a frame may be larger, for H.264 4:2:0 knows even sizes alone. */
export type Image = Size & Content;

/** All of a picture, or the rectangles that have changed. */
type Content = { frame: VideoFrame } | { rectangles: { x: number; y: number; bitmap: ImageBitmap }[] };

/** To the worker. */
export type Order =
  | { type: "picture"; picture: Picture }
  /** Nothing comes for now; what follows begins with a key frame and belongs to this run. */
  | { type: "rest"; run: number };

/** From the worker, of which run. Times are ms since 1970, for a worker's clock begins when it does. */
export type Report = { run: number } & News;

type News =
  /** The picture of this sequence has left the decoder, and so have those before it; image is null where it was dropped. */
  | { type: "decoded"; id: number; at: number; image: Image | null }
  /** Only a key frame is of use from now on. */
  | { type: "failed"; message: string }
  /** The run has begun. */
  | { type: "rested" };

/** A frame is passed on after this long although a newer one is under way, in ms. */
const OVERDUE = 50;

/** Something that decodes the pictures of one codec. */
interface Decoder {
  decode(picture: Picture): void;
  close(): void;
}

interface Listener {
  decoded(id: number, content: Content): void;
  failed(error: unknown): void;
}

export class Decoding {
  private decoder: Decoder | null = null;
  private config = "";
  private pending: ({ id: number } & Size)[] = [];
  private passed = -Infinity;
  private run = 0;

  constructor(private readonly report: (report: Report, transfer: Transferable[]) => void) {}

  take(order: Order): void {
    if (order.type === "picture") return this.decode(order.picture);
    this.stop();
    this.run = order.run;
    this.report({ run: this.run, type: "rested" }, []);
  }

  private decode(picture: Picture): void {
    const { config, width, height } = picture;
    const { id, key } = picture.times;
    // Another codec begins with a key frame; what the canvas has stays until that is decoded.
    if (this.decoder && this.config !== config) this.stop();
    this.pending.push({ id, width, height });
    if (!this.decoder && !key) return this.done(id, null);
    this.config = config;
    try {
      this.decoder ??= this.open(picture);
      this.decoder.decode(picture);
    } catch (error) {
      this.fail(error);
    }
  }

  private open({ codec, config }: Picture): Decoder {
    // A decoder that has been closed may still have something to say.
    const current = () => this.decoder === decoder;
    const listener: Listener = {
      decoded: (id, content) => (current() ? this.pass(id, content) : close(content)),
      failed: (error) => current() && this.fail(error),
    };
    const decoder = codec === "jpeg" ? new JPEGDecoder(listener) : new FrameDecoder(config, listener);
    return decoder;
  }

  private pass(id: number, content: Content): void {
    const now = performance.now();
    const picture = this.pending.find((picture) => picture.id === id);
    // The newest frame wins, as long as something is seen now and then.
    if (!picture || ("frame" in content && picture !== this.pending.at(-1) && now - this.passed < OVERDUE)) {
      close(content);
      return this.done(id, null);
    }
    this.passed = now;
    const { width, height } = picture;
    this.done(id, { width, height, ...content });
  }

  private done(id: number, image: Image | null): void {
    const last = this.pending.findIndex((picture) => picture.id === id);
    this.pending.splice(0, last + 1);
    const at = performance.timeOrigin + performance.now();
    this.report({ run: this.run, type: "decoded", id, at, image }, image ? parts(image) : []);
  }

  private fail(error: unknown): void {
    this.stop();
    this.report({ run: this.run, type: "failed", message: String(error) }, []);
  }

  private stop(): void {
    this.decoder?.close();
    this.decoder = null;
    const last = this.pending.at(-1);
    if (last) this.done(last.id, null);
  }
}

const parts = (content: Content): (VideoFrame | ImageBitmap)[] =>
  "frame" in content ? [content.frame] : content.rectangles.map(({ bitmap }) => bitmap);

/** Frees what a decoded picture holds. */
export function close(content: Content): void {
  for (const part of parts(content)) part.close();
}

/** How the server makes YUV of the desktop's colours, which are sRGB, where the stream cannot say so: as VP8 has it, BT.601. */
const unsaid: VideoColorSpaceInit = { primaries: "bt709", transfer: "bt709", matrix: "smpte170m", fullRange: false };

/** Video, by WebCodecs (https://www.w3.org/TR/webcodecs/). */
class FrameDecoder implements Decoder {
  private readonly decoder: VideoDecoder;

  constructor(
    config: string,
    private readonly listener: Listener,
  ) {
    this.decoder = new VideoDecoder({
      output: (frame) => this.output(frame),
      error: (error) => listener.failed(error),
    });
    // H.264 says it in each of its parameter sets.
    const colour = config === "vp8" ? { colorSpace: unsaid } : {};
    this.decoder.configure({ codec: config, ...colour, optimizeForLatency: true });
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
    this.listener.decoded(frame.timestamp, { frame });
  }
}

/** Rectangles of JPEG: where there is no WebCodecs, as on a page that came by plain HTTP. */
class JPEGDecoder implements Decoder {
  private queue: Promise<void> = Promise.resolve();

  constructor(private readonly listener: Listener) {}

  decode({ times, payload }: Picture): void {
    const rectangles = parseRectangles(payload);
    if (!rectangles) throw new Error("malformed rectangles");
    const images = Promise.all(
      rectangles.map(async ({ x, y, jpeg }) => {
        const blob = new Blob([jpeg], { type: "image/jpeg" });
        return { x, y, bitmap: await createImageBitmap(blob, { colorSpaceConversion: "none" }) };
      }),
    );
    images.catch(() => {}); // told of below, in its turn
    this.queue = this.queue.then(async () => {
      try {
        this.listener.decoded(times.id, { rectangles: await images });
      } catch (error) {
        this.listener.failed(error);
      }
    });
  }

  close(): void {
    // What is under way is of no use any more, which the listener knows.
  }
}
