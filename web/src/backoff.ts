/** How long to wait before each attempt to connect. */
export class Backoff {
  private attempts = 0;

  /** Waits from firstMs on, doubling up to mostMs, each shortened by a random part so that viewers do not return all at once. */
  constructor(
    private readonly firstMs = 500,
    private readonly mostMs = 15_000,
    private readonly random: () => number = Math.random,
  ) {}

  /** The wait before the next attempt, in ms. */
  next(): number {
    const full = Math.min(this.mostMs, this.firstMs * 2 ** Math.min(this.attempts, 16));
    this.attempts++;
    return full * (1 - 0.25 * this.random());
  }

  reset(): void {
    this.attempts = 0;
  }
}
