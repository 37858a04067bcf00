/** What the server has sent by WebRTC and the tab has not shown yet, by RTP timestamp. */
export class Delivery {
  private outstanding: { id: number; at: number }[] = [];
  private shown: number | null = null;
  private untold = false;

  /** The server says, at the page's time now in ms, that these have been sent. */
  sent(ids: number[], now: number): void {
    if (this.untold) return;
    for (const id of ids) {
      if (this.shown === null || newer(id, this.shown)) this.outstanding.push({ id, at: now });
    }
    this.outstanding.splice(0, this.outstanding.length - MAX_OUTSTANDING);
  }

  /** A frame has been shown, and so nobody waits for an older one; undefined where the browser does not say which. */
  presented(id: number | undefined): void {
    if (id === undefined) {
      this.untold = true;
      this.outstanding = [];
      return;
    }
    this.shown = id;
    this.outstanding = this.outstanding.filter((frame) => newer(frame.id, id));
  }

  /** For how long the oldest frame has been waited for, in ms; 0 when none is. */
  overdue(now: number): number {
    const [oldest] = this.outstanding;
    return oldest ? now - oldest.at : 0;
  }

  /** Forgets what is waited for. */
  forgive(): void {
    this.outstanding = [];
  }

  /** Another connection counts anew. */
  reset(): void {
    this.outstanding = [];
    this.shown = null;
    this.untold = false;
  }
}

const MAX_OUTSTANDING = 256;

/** Whether an RTP timestamp, which wraps at 32 bits, is after another. */
const newer = (id: number, than: number): boolean => ((id - than) | 0) > 0;
