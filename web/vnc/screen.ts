/** The desktop by noVNC, and the size that the tab would like it to have. */

import RFB from "@novnc/novnc";
import { desktopScale, type Wish } from "../src/geometry.ts";
import type { Attempt, AttemptListener } from "./link.ts";

/** Opens a connection over a WebSocket with these subprotocols, and shows it in stage. */
export function show(
  stage: HTMLElement,
  url: string,
  protocols: string[],
  options: { scale: boolean; watch: boolean },
  listener: AttemptListener,
): VNCScreen {
  return new VNCScreen(new WebSocket(url, protocols), stage, options, listener);
}

export class VNCScreen implements Attempt {
  private readonly rfb: RFB;
  private readonly over = new AbortController();

  constructor(
    private readonly socket: WebSocket,
    stage: HTMLElement,
    options: { scale: boolean; watch: boolean },
    listener: AttemptListener,
  ) {
    socket.binaryType = "arraybuffer";
    stage.replaceChildren();
    const rfb = new RFB(stage, socket, { shared: true });
    rfb.background = "none";
    rfb.scaleViewport = options.scale;
    rfb.viewOnly = options.watch;
    rfb.showDotCursor = true; // programs that hide the cursor leave it to be guessed
    const { signal } = this.over;
    rfb.addEventListener("connect", () => {
      if (signal.aborted) return;
      rfb.focus({ preventScroll: true });
      listener.connected();
    });
    socket.addEventListener("close", ({ code, reason }) => listener.closed(code, reason), { signal });
    this.rfb = rfb;
  }

  /** Whether the person may only look, from now on. */
  watch(only: boolean): void {
    this.rfb.viewOnly = only;
  }

  focus(): void {
    this.rfb.focus({ preventScroll: true });
  }

  /** Lets go of all keys. */
  release(): void {
    if (this.rfb.viewOnly) return;
    this.rfb.viewOnly = true; // noVNC lifts what it holds then
    this.rfb.viewOnly = false;
  }

  close(): void {
    this.over.abort();
    if (this.socket.readyState === WebSocket.CONNECTING || this.socket.readyState === WebSocket.OPEN) this.rfb.disconnect();
  }
}

/** Tells the tab's size in device pixels, and how many of them are one of its own, now and whenever it has rested at another. */
export function watchSize(stage: HTMLElement, tell: (wish: Wish) => void): () => void {
  const REST = 200; // ms
  let timer = 0;
  const device = (length: number) => Math.round(length * devicePixelRatio);
  const told = () =>
    tell({ width: device(stage.clientWidth), height: device(stage.clientHeight), scale: desktopScale(devicePixelRatio) });
  new ResizeObserver(() => {
    clearTimeout(timer);
    timer = window.setTimeout(told, REST);
  }).observe(stage);
  return told;
}
