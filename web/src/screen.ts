/** The picture in the tab: where it lies, what size the tab would like, and when each frame was shown. */

import type { Clock } from "./clock.ts";
import {
  coverOf,
  desktopScale,
  place,
  toRemote,
  toTab,
  type Point,
  type ResizeMode,
  type Size,
  type Wish,
} from "./geometry.ts";
import { nextFrame, Panning } from "./panning.ts";
import { watchFrames } from "./presented.ts";
import type { Rung } from "./ladder.ts";
import { onRatio } from "./ratio.ts";
import type { Presented } from "./stats.ts";

/** The tab's size has to rest for this long before the desktop is asked to take it on, in ms. */
const REST = 200;

/** How thick the scroll bars of a desktop larger than the tab are, in CSS pixels. */
export const SCROLLBAR = 12;

/** The smallest side that a desktop is asked to have, in pixels. */
const LEAST = 64;

export interface ScreenListener {
  /** The tab would like the desktop to be like this. */
  wish(wish: Wish): void;
  /** The picture lies elsewhere in the tab. pointer: the remote pixel under the pointer, if it is that which has moved it. */
  moved(pointer: Point | null): void;
  /** A frame of the video has been handed to the compositor. */
  presented(frame: Presented): void;
}

export class Screen {
  private remote: Size = { width: 0, height: 0 };
  private device: Size = { width: 0, height: 0 };
  private resizing: ResizeMode;
  private painted: Size = { width: 0, height: 0 };
  private rung: Rung = "webrtc";
  private cancelWish = () => {};
  /** Which part is seen of a desktop that is larger than the tab. */
  readonly panning = new Panning(nextFrame, (pointer) => this.panned(pointer));

  constructor(
    private readonly clock: Clock,
    readonly stage: HTMLElement,
    /** What lies where the picture is: the video of WebRTC and the canvas of the WebSocket. */
    readonly frame: HTMLElement,
    private readonly video: HTMLVideoElement,
    private readonly canvas: HTMLCanvasElement,
    mode: ResizeMode,
    private following: boolean,
    private readonly listener: ScreenListener,
  ) {
    this.resizing = mode;
    video.addEventListener("resize", () => this.arrange());
    watchFrames(video, () => clock.now(), (frame) => listener.presented(frame));
    this.followPointer();
    // In the next frame: what is arranged here may not be observed in this one.
    const observer = new ResizeObserver(([entry]) => void requestAnimationFrame(() => this.resized(entry)));
    observer.observe(stage);
    // The tab may have come to another monitor, or been zoomed, and have the same size in its own pixels.
    onRatio(() => {
      observer.unobserve(stage);
      observer.observe(stage);
    });
  }

  get mode(): ResizeMode {
    return this.resizing;
  }

  set mode(mode: ResizeMode) {
    this.resizing = mode;
    this.arrange();
    this.wish();
  }

  /** Whether the desktop is to draw as large as the tab does. */
  set scaled(scaled: boolean) {
    this.following = scaled;
    this.wish();
  }

  /** The desktop's size in pixels has changed. */
  set size(size: Size) {
    this.remote = size;
    this.arrange();
  }

  /** The size in pixels of the picture that is seen; 0 while there is none. */
  get pictureSize(): Size {
    return this.rung === "ws" ? this.painted : { width: this.video.videoWidth, height: this.video.videoHeight };
  }

  /** Which picture is seen: the canvas of the WebSocket or the video of WebRTC. */
  set shown(rung: Rung) {
    this.rung = rung;
    this.frame.dataset.shown = rung;
    this.arrange();
  }

  /** The canvas has a picture of this size. */
  paint(size: Size): void {
    this.canvas.hidden = false;
    if (size.width === this.painted.width && size.height === this.painted.height) return;
    this.painted = size;
    this.arrange();
  }

  /** Shows a stream. */
  show(stream: MediaStream): void {
    this.video.srcObject = stream;
    this.video.play().catch(() => {
      // Muted video may play unasked; where it still may not, the first gesture starts it.
    });
  }

  /** Starts a video that the browser wanted a gesture for. */
  resume(): void {
    if (this.video.paused && this.video.srcObject) this.video.play().catch(() => {});
  }

  /** Asks for the tab's size, if the desktop is to take it on; now rather than after a rest when asked so. */
  wish(now = false): void {
    this.cancelWish();
    if (this.resizing !== "remote" || Math.min(this.device.width, this.device.height) < LEAST) return;
    const ask = () => this.listener.wish({ ...this.device, scale: this.following ? desktopScale(devicePixelRatio) : 1 });
    if (now) ask();
    else this.cancelWish = this.clock.after(REST, ask);
  }

  /** The remote pixel under a position in the tab. */
  remoteAt(x: number, y: number): Point {
    return toRemote({ x, y }, this.frame.getBoundingClientRect(), this.known);
  }

  /** Where the tab shows a remote pixel: the middle of it. */
  tabAt(pixel: Point): Point {
    return toTab(pixel, this.frame.getBoundingClientRect(), this.known);
  }

  /** Has a remote pixel be seen, of a desktop that is larger than the tab. */
  reveal({ x, y }: Point): void {
    this.panning.reveal({ x: x / devicePixelRatio, y: y / devicePixelRatio });
  }

  /** How many remote pixels a CSS pixel is wide. */
  get density(): number {
    const { width } = this.frame.getBoundingClientRect();
    return width > 0 ? this.known.width / width : 1;
  }

  /** The remote pixel nearest to a position on the desktop. */
  within({ x, y }: Point): Point {
    const { width, height } = this.known;
    return { x: Math.max(0, Math.min(x, width - 1)), y: Math.max(0, Math.min(y, height - 1)) };
  }

  /** The desktop's size as far as it is known. */
  private get known(): Size {
    return this.remote.width > 0 ? this.remote : this.pictureSize;
  }

  private resized(entry: ResizeObserverEntry | undefined): void {
    if (!entry) return;
    const exact = entry.devicePixelContentBoxSize?.[0];
    const { width, height } = entry.contentRect;
    this.device = { width: devicePixels(width, exact?.inlineSize), height: devicePixels(height, exact?.blockSize) };
    this.arrange();
    this.wish();
  }

  private arrange(): void {
    const { frame, pictureSize } = this;
    const picture = pictureSize.width > 0 ? pictureSize : this.remote;
    if (!(picture.width > 0)) return;
    const cover = coverOf(picture, this.remote);
    const screen = cover ? this.remote : picture;
    const tab = this.tab;
    const box = place(screen, tab, devicePixelRatio, this.resizing);
    this.panning.fit(box, this.resizing === "off" ? besideBars(box, tab) : box);
    const whole = (length: number) => Math.round(length * devicePixelRatio) / devicePixelRatio;
    frame.style.left = `${box.x - whole(this.panning.at.x)}px`;
    frame.style.top = `${box.y - whole(this.panning.at.y)}px`;
    frame.style.width = `${box.width}px`;
    frame.style.height = `${box.height}px`;
    const shown = this.rung === "ws" ? this.canvas : this.video;
    shown.style.width = `${(100 * (cover ?? screen).width) / screen.width}%`;
    shown.style.height = `${(100 * (cover ?? screen).height) / screen.height}%`;
    const ratio = (box.width * devicePixelRatio) / screen.width;
    // One to one, or each pixel as a whole square: nothing to smooth.
    const complete = picture.width >= screen.width && picture.height >= screen.height;
    frame.classList.toggle("exact", complete && Math.abs(ratio - Math.round(ratio)) < 0.001);
    this.listener.moved(null);
  }

  /** The tab's size in CSS pixels, which need not be whole ones. */
  private get tab(): Size {
    return { width: this.device.width / devicePixelRatio, height: this.device.height / devicePixelRatio };
  }

  /** Another part of the desktop is seen. */
  private panned(pointer: Point | null): void {
    this.arrange();
    if (!pointer) return;
    const { left, top } = this.stage.getBoundingClientRect();
    this.listener.moved(this.remoteAt(pointer.x + left, pointer.y + top));
  }

  /** The mouse or a pen pans at the tab's edges. */
  private followPointer(): void {
    const { stage, panning } = this;
    addEventListener("pointermove", ({ target, clientX, clientY, pointerType }) => {
      const over = pointerType !== "touch" && stage.contains(target as Node) && !document.pointerLockElement;
      if (!over || (panning.room.x === 0 && panning.room.y === 0)) return panning.point(null);
      const { left, top } = stage.getBoundingClientRect();
      panning.point({ x: clientX - left, y: clientY - top });
    });
    document.documentElement.addEventListener("pointerleave", () => panning.point(null));
    addEventListener("blur", () => panning.point(null));
  }
}

/** How many device pixels a length in CSS pixels is. told: by the browser, which alone knows how it rounds. */
function devicePixels(length: number, told: number | undefined): number {
  const exact = length * devicePixelRatio;
  // Chromium tells CSS pixels while it emulates another device.
  return told !== undefined && Math.abs(told - exact) < 1 ? told : Math.round(exact);
}

/** The part of the tab that is left for a picture when there is a scroll bar along each side that it is too long for. */
function besideBars(picture: Size, tab: Size): Size {
  const { width, height } = picture;
  const down = height > tab.height || (width > tab.width && height > tab.height - SCROLLBAR);
  const along = width > tab.width - (down ? SCROLLBAR : 0);
  return { width: tab.width - (down ? SCROLLBAR : 0), height: tab.height - (along ? SCROLLBAR : 0) };
}
