/**
 * Without a jitter buffer's cushion, a stall of the decoder can leave a queue
 * that stands for good: every frame is shown, and every one late. This watches
 * for one and says when a key frame should clear it.
 */

/** A frame is late when it waits this long between arrival and picture, in ms. */
const LATE = 100;
/** For so long, in ms, every frame has to be late. */
const STANDING = 2000;
/** Pause between two requests, in ms. */
const AGAIN = 5000;

export class Watchdog {
  private since: number | null = null;
  private asked = -Infinity;
  private buffer = { delay: 0, emitted: 0 };

  /** A frame was shown at the page's time now, ms after it arrived. true: ask for a key frame. */
  presented(now: number, delay: number): boolean {
    return this.observe(now, delay);
  }

  /** The receiver's totals: seconds that frames spent in the jitter buffer, and their count. true: ask for a key frame. */
  buffered(now: number, delay: number, emitted: number): boolean {
    const frames = emitted - this.buffer.emitted;
    const seconds = delay - this.buffer.delay;
    this.buffer = { delay, emitted };
    return frames > 0 && seconds >= 0 && this.observe(now, (seconds / frames) * 1000);
  }

  private observe(now: number, delay: number): boolean {
    if (!(delay > LATE)) {
      this.since = null;
      return false;
    }
    this.since ??= now;
    if (now - this.since < STANDING || now - this.asked < AGAIN) return false;
    this.asked = now;
    this.since = null;
    return true;
  }
}
