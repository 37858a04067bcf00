/** The WebSocket: whether it opens, how fast it is, what passes, whether it stays. */

import { fail, ok, skip, warn, type Finding } from "./finding.ts";
import { whyRefused } from "./http.ts";
import { Silence } from "./line.ts";
import { measure } from "./trips.ts";
import { control, Dismissal, PATIENCE, type Way } from "./way.ts";

/** A picture's type among the binary messages, and its header's size (package wsmedia). */
const PICTURE = 2;
const HEADER = 40;
const LARGE = 64 << 10;
const LARGE_COUNT = 4;
/** Less than this, in ms, two round trips differ by themselves. */
const NOISE = 2;

/** Opens the socket that the other checks use, with pictures on it. */
export async function checkSocket(way: Way): Promise<Finding> {
  if (!way.admitted) return skip("skip-login");
  const line = way.open("ws");
  let took: number;
  try {
    took = await line.opened(PATIENCE);
  } catch (silence) {
    line.close();
    return silence instanceof Silence && silence.why === "late" ? fail("socket-late") : whyRefused(way, "ws");
  }
  line.listen((data) => note(way, data));
  way.asked = way.clock.now();
  try {
    await way.join(line, { transport: "ws", codecs: way.codecs, page: way.page });
  } catch (error) {
    line.close();
    return error instanceof Dismissal ? fail("socket-bye", error.message) : fail("socket-silent");
  }
  way.line = line;
  return ok("socket-ok", took);
}

function note(way: Way, data: string | ArrayBuffer): void {
  if (data instanceof ArrayBuffer) {
    if (data.byteLength > HEADER && new Uint8Array(data)[0] === PICTURE) way.picture ??= way.clock.now() - way.asked;
    return;
  }
  const message = control(data);
  if (message?.type === "hello") way.display = message.display.state;
  if (message?.type === "display") way.display = message.state;
  if (message?.type === "reason") way.reason = message.code;
}

export async function checkTrip(way: Way): Promise<Finding> {
  const { line } = way;
  if (!line) return skip("skip-socket");
  const trips = await measure(way.clock, line);
  const args = [trips.p50, trips.p90];
  if (trips.lost > 0) {
    way.close();
    return fail("trip-lost", trips.lost, trips.sent);
  }
  if (trips.clumped) return warn("trip-clumped", ...args);
  if (trips.p90 > 3 * trips.p50 && trips.p90 > trips.p50 + 100) return warn("trip-uneven", ...args);
  return ok("trip-ok", ...args);
}

/** Sends messages of a type that the server does not know, which it reads, counts and ignores. */
export async function checkLarge(way: Way): Promise<Finding> {
  const { line } = way;
  if (!line) return skip("skip-socket");
  try {
    const empty = await ping(way);
    for (let i = 0; i < LARGE_COUNT; i++) line.say({ type: "check", text: "x".repeat(LARGE) });
    const full = await ping(way);
    const took = full - empty;
    if (took < NOISE) return ok("large-fast-ok", LARGE >> 10);
    const kilobits = (LARGE_COUNT * LARGE * 8) / took; // a second
    return ok("large-ok", LARGE >> 10, kilobits / 1000);
  } catch {
    way.close();
    return fail("large-cut", LARGE >> 10);
  }
}

/** How long it takes until the server has dealt with all that was sent, in ms; rejects with Silence. */
async function ping(way: Way): Promise<number> {
  const began = way.clock.now();
  const pong = way.line?.wait(PATIENCE, (data) => {
    const message = control(data);
    return message?.type === "pong" && message.t === began ? true : undefined;
  });
  way.line?.say({ type: "ping", t: began });
  await pong;
  return way.clock.now() - began;
}

export async function checkPictures(way: Way): Promise<Finding> {
  const { line } = way;
  if (!line) return skip("skip-socket");
  if (way.codecs.length === 0) return fail("pictures-codec");
  try {
    if (way.picture === null && way.reason !== "no-codec") {
      await line.wait(PATIENCE / 2, () => (way.picture !== null || way.reason === "no-codec" ? true : undefined));
    }
  } catch {
    if (way.display !== "up") return warn("pictures-display");
    return fail("pictures-none", PATIENCE / 2000);
  }
  return way.picture === null ? fail("pictures-codec") : ok("pictures-ok", way.picture);
}

/** Watches the socket until it has been open for so many ms. */
export async function checkStay(way: Way, forMs: number): Promise<Finding> {
  const { line } = way;
  if (!line) return skip("skip-socket");
  const lasted = () => Math.round((way.clock.now() - line.began) / 1000);
  const end = await line.ended(Math.max(0, line.began + forMs - way.clock.now()));
  way.close();
  return end ? fail("stay-cut", lasted()) : ok("stay-ok", lasted());
}
