import type { Clock } from "../src/clock.ts";
import { en } from "../src/en.ts";
import { fr } from "../src/fr.ts";
import { Words, type Language } from "../src/i18n.ts";

/** The words of the page in each language. */
export const catalogues = { en, fr };

export const wordsIn = (language: Language) => new Words(language, catalogues[language]);

/** A clock that stands still until it is turned. */
export class FakeClock implements Clock {
  private time = 0;
  private timers: { at: number; fn: () => void }[] = [];

  now(): number {
    return this.time;
  }

  after(ms: number, fn: () => void): () => void {
    const timer = { at: this.time + ms, fn };
    this.timers.push(timer);
    return () => {
      this.timers = this.timers.filter((other) => other !== timer);
    };
  }

  /** Turns the clock by ms; timers fire in their order, at their time. */
  turn(ms: number): void {
    const end = this.time + ms;
    for (;;) {
      const next = this.timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.timers = this.timers.filter((other) => other !== next);
      this.time = Math.max(this.time, next.at);
      next.fn();
    }
    this.time = end;
  }
}

/** A channel that keeps what it is given. */
export class FakeChannel {
  bufferedAmount = 0;
  sent: Uint8Array[] = [];

  send(bytes: Uint8Array): void {
    this.sent.push(bytes);
  }

  /** Type and sequence of each message. */
  get heads(): [number, number][] {
    return this.sent.map((bytes) => {
      const view = new DataView(bytes.buffer, bytes.byteOffset);
      return [view.getUint8(0), view.getUint32(1)];
    });
  }
}

/** Lets promises that are settled run what waits for them. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}
