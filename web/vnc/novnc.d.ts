/** The part of noVNC's API that is used (docs/API.md of the package). */
declare module "@novnc/novnc" {
  export default class RFB {
    constructor(target: HTMLElement, channel: WebSocket, options?: { shared?: boolean });
    background: string;
    scaleViewport: boolean;
    showDotCursor: boolean;
    viewOnly: boolean;
    addEventListener(type: "connect", listener: () => void): void;
    disconnect(): void;
    focus(options?: FocusOptions): void;
  }
}
