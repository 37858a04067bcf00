/** Round trips of small messages: how long they take, and whether something on the way gathers them. */

import type { Clock } from "../src/clock.ts";

/** A message of this type and size comes back as it is (package signaling). */
const TYPE = 32;
const SIZE = 9;
/** The server answers one every 25 ms in the long run. */
const PACE = 30;
const COUNT = 20;
/** How long the last answer may take, in ms. */
const PATIENCE = 3000;
/** Messages that come within this time of each other come together, in ms. */
const TOGETHER = PACE / 4;

/** Where probes go, and where what comes back is heard. */
export interface Echo {
  send(probe: Uint8Array<ArrayBuffer>): void;
  /** Calls fn with each message until the function returned is called. */
  listen(fn: (data: unknown) => void): () => void;
}

export interface Trips {
  sent: number;
  lost: number;
  /** Half of the answers, and nine of ten, have come within so many ms. */
  p50: number;
  p90: number;
  /** Answers came together that were not sent together. */
  clumped: boolean;
}

/** Sends probes and awaits them. */
export async function measure(clock: Clock, echo: Echo): Promise<Trips> {
  const sent: number[] = [];
  const came: number[] = [];
  const took = new Map<number, number>();
  const wait = (ms: number) => new Promise<void>((resolve) => clock.after(ms, resolve));
  let complete = () => {};
  const all = new Promise<void>((resolve) => (complete = resolve));
  const stop = echo.listen((data) => {
    const number = parse(data);
    const at = sent[number];
    if (at === undefined || took.has(number)) return;
    came.push(clock.now());
    took.set(number, clock.now() - at);
    if (took.size === COUNT) complete();
  });
  for (let number = 0; number < COUNT; number++) {
    sent.push(clock.now());
    echo.send(probe(number));
    await wait(PACE);
  }
  await Promise.race([all, wait(PATIENCE)]);
  stop();
  const times = [...took.values()].sort((a, b) => a - b);
  return {
    sent: COUNT,
    lost: COUNT - times.length,
    p50: rank(times, 0.5),
    p90: rank(times, 0.9),
    clumped: groups(came) * 2 <= groups(sent),
  };
}

/** The nearest rank of sorted numbers; NaN of none. */
function rank(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? NaN;
}

/** In how many groups moments come; they are in order. */
function groups(moments: readonly number[]): number {
  return moments.filter((at, i) => i === 0 || at - (moments[i - 1] ?? 0) > TOGETHER).length;
}

function probe(number: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(SIZE);
  bytes[0] = TYPE;
  bytes[SIZE - 1] = number;
  return bytes;
}

/** The number of a probe that has come back; -1 for another message. */
function parse(data: unknown): number {
  if (!(data instanceof ArrayBuffer) || data.byteLength !== SIZE) return -1;
  const bytes = new Uint8Array(data);
  return bytes[0] === TYPE ? (bytes[SIZE - 1] ?? -1) : -1;
}
