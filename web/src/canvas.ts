/** The canvas with the pictures of the WebSocket. */

import { close, type Image } from "./decoder.ts";
import type { Size } from "./geometry.ts";

/** Draws each picture in the animation frame that shows it; of those for the same one the newest alone. */
export class Canvas {
  /** The tab is being drawn, with the picture of this sequence in it. */
  onshown: ((id: number, size: Size) => void) | null = null;
  private readonly context: CanvasRenderingContext2D | null;
  private newest: { id: number; image: Image } | null = null;
  private scheduled = false;

  constructor(private readonly element: HTMLCanvasElement) {
    this.context = element.getContext("2d", { alpha: false });
  }

  /** Takes a picture, which is closed once it is of no use any more. */
  show(id: number, image: Image): void {
    const { newest } = this;
    this.newest = { id, image };
    // Rectangles are drawn at once: those to come go on top of them.
    if ("rectangles" in image) this.draw(image);
    else if (newest) close(newest.image);
    if (this.scheduled) return;
    this.scheduled = true;
    requestAnimationFrame(() => this.present());
  }

  private present(): void {
    this.scheduled = false;
    const { newest } = this;
    this.newest = null;
    if (!newest) return;
    const { id, image } = newest;
    const { width, height } = image;
    if ("frame" in image) this.draw(image);
    this.onshown?.(id, { width, height });
  }

  private draw(image: Image): void {
    const { element, context } = this;
    const { width, height } = image;
    if (element.width !== width || element.height !== height) Object.assign(element, { width, height });
    if ("frame" in image) context?.drawImage(image.frame, 0, 0);
    else for (const { x, y, bitmap } of image.rectangles) context?.drawImage(bitmap, x, y);
    close(image);
  }
}
