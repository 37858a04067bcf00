/** HTTP: whether the page's own requests get through, and whether the server lets the person in. */

import { fail, ok, warn, type Finding } from "./finding.ts";
import type { Way } from "./way.ts";

const COUNT = 5;

/** What a gateway answers that does not reach what is behind it. */
export const isGateway = (status: number): boolean => status === 502 || status === 503 || status === 504;

/** Asks a few times for what is always there. */
export async function checkPage(way: Way): Promise<Finding> {
  const took: number[] = [];
  for (let i = 0; i < COUNT; i++) {
    const began = way.clock.now();
    try {
      const answer = await way.browser.fetch("healthz", { cache: "no-store", redirect: "manual" });
      const text = await answer.text();
      if (answer.type === "opaqueredirect") return fail("page-redirect");
      if (isGateway(answer.status)) return fail("page-gateway", String(answer.status));
      if (!answer.ok || text.trim() !== "ok") return fail("page-foreign", String(answer.status));
    } catch {
      return fail("page-unreachable");
    }
    took.push(way.clock.now() - began);
  }
  way.answers = true;
  took.sort((a, b) => a - b);
  return ok("page-ok", took[COUNT >> 1] ?? NaN);
}

/** Asks whether a socket would be opened. */
export async function checkLogin(way: Way): Promise<Finding> {
  try {
    const answer = await way.browser.fetch("session", { cache: "no-store" });
    const { status } = answer;
    if (status === 401) return fail("login-wanted");
    if (status !== 200) return fail("login-foreign", String(status));
    const { key } = (await answer.json()) as { key?: unknown };
    if (key === true && !way.words.key) return fail("login-wanted");
  } catch {
    return fail("page-unreachable");
  }
  way.admitted = true;
  return ok("login-ok");
}

/** WebCodecs and the clipboard are for secure contexts alone (W3C Secure Contexts). */
export async function checkSecure(secure: boolean): Promise<Finding> {
  return secure ? ok("secure-ok") : warn("secure-missing");
}

/** Why a WebSocket does not open, which a browser does not tell: plain requests do. */
export async function whyRefused(way: Way, path: string): Promise<Finding> {
  try {
    const plain = await way.browser.fetch(path, { cache: "no-store", redirect: "manual" });
    if (isGateway(plain.status)) return fail("socket-gateway", String(plain.status));
    // A request to which the browser adds the origin, and which changes nothing.
    const posted = await way.browser.fetch("login", { method: "POST", body: "", cache: "no-store" });
    if (posted.status === 403) return fail("socket-host");
    if (plain.status === 401) return fail("login-wanted");
  } catch {
    return fail("page-unreachable");
  }
  return fail("socket-upgrade");
}
