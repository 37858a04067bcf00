/**
 * Bounds what of a transfer is under way, so that it does not fill the queues in which input and
 * the answers to pings would wait behind it. It grows while acknowledgements come about as soon as
 * the soonest did, and shrinks when they come later (as LEDBAT, RFC 6817). What comes from the
 * server has the same in signaling/window.go.
 */

/** Bytes in a piece, and in one where much may be under way. */
export const PIECE = 16 << 10;
const LARGE = 64 << 10;

const FIRST = 64 << 10;
const LEAST = PIECE;
const MOST = 1 << 20;
/** How long pieces may wait for one another on their way before there are fewer of them, in ms. */
const QUEUEING = 50;

export class TransferWindow {
  private size = FIRST;
  /** Bytes sent, and of them acknowledged. */
  sent = 0;
  acknowledged = 0;
  private least = Infinity;
  /** When it may shrink again: once it has had an effect. */
  private rested = 0;
  private marks: { sent: number; at: number }[] = [];

  /** Whether another piece may go. */
  get room(): boolean {
    return this.sent - this.acknowledged < this.size;
  }

  /** How long the next piece may be. What waits behind it waits for what is under way anyhow. */
  get piece(): number {
    return Math.min(LARGE, Math.max(PIECE, this.size / 16));
  }

  /** Notes a piece that is sent. */
  send(bytes: number, now: number): void {
    this.sent += bytes;
    this.marks.push({ sent: this.sent, at: now });
  }

  /** Notes that so many bytes have got there in all. */
  acknowledge(total: number, now: number): void {
    if (!(total > this.acknowledged && total <= this.sent)) return;
    const news = total - this.acknowledged;
    this.acknowledged = total;
    const later = this.marks.findIndex(({ sent }) => sent > total);
    const done = this.marks.splice(0, later < 0 ? this.marks.length : later);
    const delay = now - (done.at(-1)?.at ?? now);
    this.least = Math.min(this.least, delay);
    if (delay <= this.least + QUEUEING) this.size = Math.min(MOST, this.size + news);
    else if (now > this.rested) {
      this.size = Math.max(LEAST, this.size / 2);
      this.rested = now + delay;
    }
  }
}
