/** The part of noVNC's API that is used (docs/API.md of the package). */
declare module "@novnc/novnc" {
  export default class RFB extends EventTarget {
    constructor(target: HTMLElement, channel: WebSocket, options?: { shared?: boolean });
    background: string;
    scaleViewport: boolean;
    showDotCursor: boolean;
    viewOnly: boolean;
    blur(): void;
    disconnect(): void;
    focus(options?: FocusOptions): void;
  }
}
