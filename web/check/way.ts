/** The way to the server as one run of the checks goes it: what it may use, and what it has learnt so far. */

import type { Clock } from "../src/clock.ts";
import { secret } from "../src/connection.ts";
import { parse, type HelloMessage, type ServerMessage } from "../src/protocol.ts";
import { Line, type Wire } from "./line.ts";

/** How long one answer may take, in ms. */
export const PATIENCE = 10_000;

/** What the checks use of the browser; paths are beside the page's. */
export interface Browser {
  clock: Clock;
  fetch(path: string, init?: RequestInit): Promise<Response>;
  connect(path: string, protocols: string[]): Wire;
}

export class Way {
  /** Names the page to the server on the socket that is kept, so that VNC is known to be of the same viewer. */
  readonly page = secret();
  answers = false;
  admitted = false;
  /** Codecs that the page can decode off the socket, as hello names them. */
  codecs: string[] = [];
  /** The socket that is kept; null while there is none. */
  line: Line | null = null;
  /** The ICE servers that the newest offer named; null before one. */
  iceServers: RTCIceServer[] | null = null;
  /** When hello was sent and how long after it the first picture came, in ms; null before it. */
  asked = 0;
  picture: number | null = null;
  /** The newest state of the display, and the newest reason that the server gave. */
  display = "";
  reason = "";

  constructor(
    readonly browser: Browser,
    readonly words: { version: string; lang: string; key: string; share: string },
    private readonly signal: AbortSignal,
  ) {}

  get clock(): Clock {
    return this.browser.clock;
  }

  /** Opens a WebSocket, which ends with the run at the latest. */
  open(path: string, protocols: string[] = []): Line {
    const line = new Line(this.clock, this.browser.connect(path, protocols));
    if (this.signal.aborted) line.close();
    this.signal.addEventListener("abort", () => line.close(), { once: true });
    return line;
  }

  /** Ends the socket that is kept. */
  close(): void {
    this.line?.close();
    this.line = null;
  }

  /** Greets the server on a socket; resolves with its answer, or rejects with Silence or Dismissal. */
  async join(line: Line, wish: { transport: string; codecs: string[]; page?: string }): Promise<HelloMessage> {
    const { version, lang, key, share } = this.words;
    line.say({ type: "hello", version, lang, key, share, ...wish });
    const answer = await line.wait(PATIENCE, (data) => {
      const message = control(data);
      return message?.type === "hello" || message?.type === "bye" ? message : undefined;
    });
    if (answer.type === "bye") throw new Dismissal(answer.code);
    return answer;
  }
}

/** The server's good-bye. */
export class Dismissal extends Error {}

/** The control message that has come; null for anything else. */
export const control = (data: string | ArrayBuffer): ServerMessage | null => (typeof data === "string" ? parse(data) : null);
