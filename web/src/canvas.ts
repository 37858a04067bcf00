/** The canvas with the pictures of the WebSocket. */

import { close, type Image } from "./decoder.ts";
import type { Size } from "./geometry.ts";

/** Draws pictures as they come; of more than one for the same animation frame, the first and the newest. */
export class Canvas {
  /** The tab is being drawn, with the picture of this sequence in it. */
  onshown: ((id: number, size: Size) => void) | null = null;
  private readonly context: CanvasRenderingContext2D | null;
  /** What has been drawn since the tab was, and what waits until it is drawn again. */
  private drawn: { id: number; size: Size } | null = null;
  private newest: { id: number; image: Image } | null = null;

  constructor(private readonly element: HTMLCanvasElement) {
    this.context = element.getContext("2d", { alpha: false });
  }

  /** Takes a picture, which is closed once it is of no use any more. */
  show(id: number, image: Image): void {
    if (!this.drawn) requestAnimationFrame(() => this.present());
    // Rectangles go on top of those before them. A frame costs more, and is all of the picture: one is
    // drawn at once, while the tab need not be drawn yet, and of those after it only the last is seen.
    if (this.newest) close(this.newest.image);
    this.newest = null;
    if (!this.drawn || "rectangles" in image) return this.draw(id, image);
    this.newest = { id, image };
  }

  private present(): void {
    const { newest } = this;
    this.newest = null;
    if (newest) this.draw(newest.id, newest.image);
    const { drawn } = this;
    this.drawn = null;
    if (drawn) this.onshown?.(drawn.id, drawn.size);
  }

  private draw(id: number, image: Image): void {
    const { element, context } = this;
    const { width, height } = image;
    if (element.width !== width || element.height !== height) Object.assign(element, { width, height });
    if ("frame" in image) context?.drawImage(image.frame, 0, 0);
    else for (const { x, y, bitmap } of image.rectangles) context?.drawImage(bitmap, x, y);
    close(image);
    this.drawn = { id, size: { width, height } };
  }
}
