/** What the page can tell of pictures. */

import type { Bytes } from "./content.ts";

export interface Pictures {
  /** Whether a PNG can be decoded. */
  decodes(png: Bytes): Promise<boolean>;
  /** Whether two PNGs show the same: a browser writes the pictures on its clipboard anew. */
  alike(a: Bytes, b: Bytes): Promise<boolean>;
}

const decode = (png: Bytes): Promise<ImageBitmap> => createImageBitmap(new Blob([png], { type: "image/png" }));

export const browserPictures: Pictures = {
  async decodes(png) {
    try {
      (await decode(png)).close();
      return true;
    } catch {
      return false;
    }
  },

  async alike(a, b) {
    try {
      const [one, other] = [await decode(a), await decode(b)];
      if (one.width !== other.width || one.height !== other.height) return false;
      const [left, right] = [pixels(one), pixels(other)];
      return left.every((value, i) => value === right[i]);
    } catch {
      return false;
    }
  },
};

function pixels(image: ImageBitmap): Uint32Array {
  const canvas = new OffscreenCanvas(image.width, image.height);
  const context = canvas.getContext("2d");
  if (!context) throw new Error("no canvas");
  context.drawImage(image, 0, 0);
  image.close();
  return new Uint32Array(context.getImageData(0, 0, canvas.width, canvas.height).data.buffer);
}
