/** Where the remote screen lies in the tab. Sizes and positions are in CSS pixels unless said otherwise. */

export interface Size {
  width: number;
  height: number;
}

/** What a tab would like the desktop to be: its size in pixels, and how many of them are one of the tab's (desktopScale). */
export interface Wish extends Size {
  scale: number;
}

export interface Point {
  x: number;
  y: number;
}

export interface Box extends Point, Size {}

/**
 * How the desktop and the tab get the same size: it takes on the tab's, its
 * picture is scaled to it, or it stays as it is.
 */
export type ResizeMode = "remote" | "scale" | "off";

/**
 * Where to show a screen of a size in remote pixels. It is shown one to one in
 * device pixels, on whole ones, when it may not be scaled or has the tab's size;
 * else as large as fits, centred, its shape kept: also a desktop that was to
 * take on the tab's size and could not, or not all of it.
 */
export function place(remote: Size, tab: Size, deviceRatio: number, mode: ResizeMode): Box {
  const natural = { width: remote.width / deviceRatio, height: remote.height / deviceRatio };
  const fit = Math.min(tab.width / natural.width, tab.height / natural.height);
  // A tab of fractional size cannot be met exactly: half a device pixel is close enough.
  const slack = 1 / deviceRatio;
  const same =
    Math.abs(tab.width - natural.width) <= slack && Math.abs(tab.height - natural.height) <= slack;
  const scale = mode === "off" || same || !(fit > 0) ? 1 : fit;
  const width = natural.width * scale;
  const height = natural.height * scale;
  const whole = (length: number) => Math.round(length * deviceRatio) / deviceRatio;
  return {
    x: Math.max(0, whole((tab.width - width) / 2)),
    y: Math.max(0, whole((tab.height - height) / 2)),
    width,
    height,
  };
}

/**
 * How many of the screen's pixels a picture covers, which may be one of each few of them; null for a
 * picture of another screen, as before a change of size. It may cover a little more than there is: sides
 * that do not divide are rounded, and H.264 4:2:0 knows even ones alone.
 */
export function coverOf(picture: Size, screen: Size): Size | null {
  const step = Math.round(screen.width / picture.width);
  const along = (part: number, whole: number) => {
    const rest = part * step - whole;
    return step > 0 && -step < rest && rest < 2 * step ? Math.max(part * step, whole) : null;
  };
  const width = along(picture.width, screen.width);
  const height = along(picture.height, screen.height);
  return width !== null && height !== null ? { width, height } : null;
}

/** How large a desktop is to draw, by the tab's device pixel ratio: the server takes 0.5 to 4. */
export function desktopScale(deviceRatio: number): number {
  return Math.round(1000 * Math.min(4, Math.max(0.5, deviceRatio))) / 1000;
}

/** The remote pixel under a position in the tab, the nearest one for positions beside the picture. */
export function toRemote(at: Point, shown: Box, remote: Size): Point {
  const along = (offset: number, length: number, pixels: number) =>
    // Multiplied first: 370 / 720 * 720 is less than 370.
    Math.min(pixels - 1, Math.max(0, Math.floor((offset * pixels) / length) || 0));
  if (!(shown.width > 0 && shown.height > 0 && remote.width > 0 && remote.height > 0)) {
    return { x: 0, y: 0 };
  }
  return {
    x: along(at.x - shown.x, shown.width, remote.width),
    y: along(at.y - shown.y, shown.height, remote.height),
  };
}

/** Where the tab shows the middle of a remote pixel. */
export function toTab(pixel: Point, shown: Box, remote: Size): Point {
  const along = (from: number, length: number, at: number, pixels: number) =>
    pixels > 0 ? from + ((at + 0.5) * length) / pixels : from;
  return {
    x: along(shown.x, shown.width, pixel.x, remote.width),
    y: along(shown.y, shown.height, pixel.y, remote.height),
  };
}
