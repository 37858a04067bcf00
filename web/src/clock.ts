/** Time as the page uses it, so that tests can turn it by hand. */

export interface Clock {
  /** Milliseconds on the page's own clock. */
  now(): number;
  /** Calls fn once, ms from now, unless the function returned is called before. */
  after(ms: number, fn: () => void): () => void;
}

export const pageClock: Clock = {
  now: () => performance.now(),
  after(ms, fn) {
    const timer = setTimeout(fn, ms);
    return () => clearTimeout(timer);
  },
};

/** Calls fn every ms until the function returned is called. */
export function every(clock: Clock, ms: number, fn: () => void): () => void {
  let cancel = clock.after(ms, function tick() {
    cancel = clock.after(ms, tick);
    fn();
  });
  return () => cancel();
}

/**
 * Estimates what the server's clock shows from pings, by the exchange with the
 * shortest round trip of the last few: the less a message has waited, the less
 * its one-way time can differ from half of the round trip (RFC 5905 §10).
 */
export class ServerClock {
  private samples: { roundTrip: number; offset: number }[] = [];

  constructor(private readonly kept = 32) {}

  /** Takes a ping sent and answered at these page times, in ms, and the server's time in between, in µs. */
  add(sent: number, received: number, serverMicros: number): void {
    const roundTrip = received - sent;
    if (!(roundTrip >= 0)) return;
    this.samples.push({ roundTrip, offset: serverMicros / 1000 - (sent + received) / 2 });
    if (this.samples.length > this.kept) this.samples.shift();
  }

  /** The latest round trip in ms; NaN before the first. */
  get roundTrip(): number {
    return this.samples.at(-1)?.roundTrip ?? NaN;
  }

  /** The shortest round trip of those kept, in ms; NaN before the first. */
  get least(): number {
    return this.best?.roundTrip ?? NaN;
  }

  /** The page's time in ms for a server time in µs; NaN before the first ping. */
  toPage(serverMicros: number): number {
    const { best } = this;
    return best ? serverMicros / 1000 - best.offset : NaN;
  }

  private get best(): { roundTrip: number; offset: number } | undefined {
    return this.samples.reduce<(typeof this.samples)[number] | undefined>(
      (best, sample) => (best && best.roundTrip <= sample.roundTrip ? best : sample),
      undefined,
    );
  }

  /** Forgets everything: the server may be another one. */
  reset(): void {
    this.samples = [];
  }
}
