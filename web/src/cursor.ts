/** The desktop's pointer as a CSS cursor, so that it moves without a round trip. */

import type { CursorMessage } from "./protocol.ts";

/** Pictures kept; the server sends each once. */
const MAX_PICTURES = 256;

interface Picture {
  image: string;
  hotX: number;
  hotY: number;
}

export class Cursors {
  private readonly pictures = new Map<number, Picture>();

  /** The picture that a message means; null when it is an unknown one. */
  take(message: CursorMessage): Picture | null {
    const { serial, image, hotX, hotY } = message;
    if (image !== null) {
      this.pictures.delete(serial); // one that is sent again is the newest
      const oldest = this.pictures.keys().next();
      if (this.pictures.size >= MAX_PICTURES && !oldest.done) this.pictures.delete(oldest.value);
      this.pictures.set(serial, { image, hotX, hotY });
    }
    return this.pictures.get(serial) ?? null;
  }

  /** Forgets all: another socket numbers anew. */
  reset(): void {
    this.pictures.clear();
  }
}

/**
 * The CSS cursors for a picture, best first: its pixels are device pixels, as
 * the desktop's are. A browser takes the first that it understands.
 */
export function cursorStyles(picture: Picture, deviceRatio: number): string[] {
  if (picture.image === "") return ["none"];
  if (!/^[A-Za-z0-9+/=]+$/.test(picture.image)) return ["default"];
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
