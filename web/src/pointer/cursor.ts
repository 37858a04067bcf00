/** The desktop's pointer as a CSS cursor, so that it moves without a round trip. */

import type { CursorMessage } from "../protocol.ts";

/** Pictures kept; the server sends each once. */
const MAX_PICTURES = 256;
/** The largest picture that is taken, in pixels a side. */
const MAX_SIDE = 1024;
/** How many transparent pixels a picture may get so that its hot spot is on a whole CSS pixel. */
const MAX_PADDING = 12;

/** A pointer's picture: PNG in base64, "" when it is hidden; its pixels are device pixels, as the desktop's are. */
export interface Picture {
  image: string;
  hotX: number;
  hotY: number;
  width: number;
  height: number;
}

/** A pointer that is not seen. */
export const HIDDEN: Picture = { image: "", hotX: 0, hotY: 0, width: 0, height: 0 };

export class Cursors {
  private readonly pictures = new Map<number, Picture>();

  /** The picture that a message means; null when it is an unknown one, or none. */
  take(message: CursorMessage): Picture | null {
    const { serial, image, hotX, hotY } = message;
    if (image !== null) {
      const size = sizeOf(image);
      if (!size) return null;
      this.pictures.delete(serial); // one that is sent again is the newest
      const oldest = this.pictures.keys().next();
      if (this.pictures.size >= MAX_PICTURES && !oldest.done) this.pictures.delete(oldest.value);
      this.pictures.set(serial, { image, hotX, hotY, ...size });
    }
    return this.pictures.get(serial) ?? null;
  }

  /** Forgets all: another socket numbers anew. */
  reset(): void {
    this.pictures.clear();
  }
}

/** The size of a picture in base64, from the head of the PNG (W3C PNG, §11.2.1 IHDR); null if it is none. */
function sizeOf(image: string): { width: number; height: number } | null {
  if (image === "") return { width: 0, height: 0 };
  if (!/^[A-Za-z0-9+/]{32}[A-Za-z0-9+/=]*$/.test(image)) return null;
  const head = Uint8Array.from(atob(image.slice(0, 32)), (character) => character.charCodeAt(0));
  const view = new DataView(head.buffer);
  const [width, height] = [view.getUint32(16), view.getUint32(20)];
  const png = view.getUint32(0) === 0x89504e47 && view.getUint32(12) === 0x49484452;
  return png && width > 0 && height > 0 && width <= MAX_SIDE && height <= MAX_SIDE ? { width, height } : null;
}

/** The CSS cursors for a picture, best first. A browser takes the first that it understands. */
export function cursorStyles(picture: Picture, deviceRatio: number): string[] {
  if (picture.image === "") return ["none"];
  const url = `url("data:image/png;base64,${picture.image}")`;
  const spot = (scale: number) =>
    `${Math.max(0, Math.round(picture.hotX / scale))} ${Math.max(0, Math.round(picture.hotY / scale))}`;
  const plain = `${url} ${spot(1)}, default`;
  if (deviceRatio === 1) return [plain, "default"];
  const sharp = `image-set(${url} ${deviceRatio}x) ${spot(deviceRatio)}, default`;
  return [sharp, plain, "default"];
}

/** Gives an element the first of the cursors that its browser accepts. */
export function applyCursor(style: CSSStyleDeclaration, cursors: string[]): void {
  for (const cursor of cursors) {
    style.cursor = "";
    style.cursor = cursor;
    if (style.cursor !== "") return;
  }
}

/**
 * How many pixels of padding put a hot spot on a whole CSS pixel, which is all
 * that browsers know; 0 where no few of them do.
 */
export function padding(hot: number, deviceRatio: number): number {
  for (let pixels = 0; pixels <= MAX_PADDING; pixels++) {
    const place = (hot + pixels) / deviceRatio;
    if (Math.abs(place - Math.round(place)) < 1e-6) return pixels;
  }
  return 0;
}

/** The same picture with transparent pixels at its left and top, if it takes that to be exact at a ratio. */
export async function align(picture: Picture, deviceRatio: number): Promise<Picture> {
  const right = padding(picture.hotX, deviceRatio);
  const down = padding(picture.hotY, deviceRatio);
  if (picture.image === "" || (right === 0 && down === 0) || !readable()) return picture;
  const image = new Image();
  image.src = `data:image/png;base64,${picture.image}`;
  try {
    await image.decode();
  } catch {
    return picture;
  }
  const [width, height] = [picture.width + right, picture.height + down];
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width, height });
  canvas.getContext("2d")?.drawImage(image, right, down);
  const [, data = ""] = canvas.toDataURL("image/png").split(",");
  return { image: data, hotX: picture.hotX + right, hotY: picture.hotY + down, width, height };
}

/** Whether a canvas gives back what was drawn: where fingerprints are resisted it does not. */
function readable(): boolean {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 4;
  const context = canvas.getContext("2d");
  if (!context) return false;
  context.fillStyle = "rgb(10, 20, 30)";
  context.fillRect(0, 0, 4, 4);
  const { data } = context.getImageData(0, 0, 4, 4);
  return data.every((value, i) => value === [10, 20, 30, 255][i % 4]);
}
