/** The worker's half of the pictures on the WebSocket: decodes them. */

import { parseRectangles, type Picture } from "./picture.ts";

/** A picture, decoded: all of it, or the rectangles that have changed. */
export type Image = { width: number; height: number } & (
  | { frame: VideoFrame }
  | { rectangles: { x: number; y: number; bitmap: ImageBitmap }[] }
);

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
  | { type: "failed"; message: string };

/** A frame is passed on after this long although a newer one is under way, in ms. */
const OVERDUE = 50;

/** Something that decodes the pictures of one codec. */
interface Decoder {
  decode(picture: Picture): void;
  close(): void;
}

interface Listener {
  decoded(id: number, image: Image): void;
  failed(error: unknown): void;
}

export class Decoding {
  private decoder: Decoder | null = null;
  private codec = "";
  private pending: number[] = [];
  private passed = -Infinity;
  private run = 0;

  constructor(private readonly report: (report: Report, transfer: Transferable[]) => void) {}

  take(order: Order): void {
    if (order.type === "picture") return this.decode(order.picture);
    this.stop();
    this.run = order.run;
  }

  private decode(picture: Picture): void {
    const { id, key } = picture.times;
    if (this.decoder && this.codec !== picture.codec) this.stop();
    this.pending.push(id);
    if (!this.decoder && !key) return this.done(id, null);
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
      decoded: (id, image) => (current() ? this.pass(id, image) : close(image)),
      failed: (error) => current() && this.fail(error),
    };
    const decoder = codec === "jpeg" ? new JPEGDecoder(listener) : new FrameDecoder(codec, listener);
    return decoder;
  }

  private pass(id: number, image: Image): void {
    const now = performance.now();
    // The newest frame wins, as long as something is seen now and then.
    if ("frame" in image && id !== this.pending.at(-1) && now - this.passed < OVERDUE) {
      close(image);
      return this.done(id, null);
    }
    this.passed = now;
    this.done(id, image);
  }

  private done(id: number, image: Image | null): void {
    const last = this.pending.indexOf(id);
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
    if (last !== undefined) this.done(last, null);
  }
}

const parts = (image: Image): (VideoFrame | ImageBitmap)[] =>
  "frame" in image ? [image.frame] : image.rectangles.map(({ bitmap }) => bitmap);

/** Frees what a decoded picture holds. */
export function close(image: Image): void {
  for (const part of parts(image)) part.close();
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
    const { displayWidth: width, displayHeight: height } = frame;
    this.listener.decoded(frame.timestamp, { width, height, frame });
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
      rectangles.map(async ({ x, y, jpeg }) => {
        const blob = new Blob([jpeg], { type: "image/jpeg" });
        return { x, y, bitmap: await createImageBitmap(blob, { colorSpaceConversion: "none" }) };
      }),
    );
    images.catch(() => {}); // told of below, in its turn
    this.queue = this.queue.then(async () => {
      try {
        this.listener.decoded(times.id, { width, height, rectangles: await images });
      } catch (error) {
        this.listener.failed(error);
      }
    });
  }

  close(): void {
    // What is under way is of no use any more, which the listener knows.
  }
}
