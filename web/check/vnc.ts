/** VNC: whether a VNC server greets behind the page's other WebSocket. */

import { fail, ok, skip, type Finding } from "./finding.ts";
import { whyRefused } from "./http.ts";
import { Silence } from "./line.ts";
import { PATIENCE, type Way } from "./way.ts";

/** A server begins with its version: "RFB 003.008\n" (RFC 6143 §7.1.1). */
const greeting = /^RFB (\d{3})\.(\d{3})\n/;

export async function checkVNC(way: Way): Promise<Finding> {
  if (!way.admitted) return skip("skip-login");
  const line = way.open("vnc/ws", way.line ? [`lucarne.page.${way.page}`] : []);
  let opened = false;
  try {
    await line.opened(PATIENCE);
    opened = true;
    const text = await line.wait(PATIENCE, (data) => (typeof data === "string" ? data : new TextDecoder().decode(data.slice(0, 64))));
    const version = greeting.exec(text);
    if (!version) return fail("vnc-foreign");
    return ok("vnc-ok", `${Number(version[1])}.${Number(version[2])}`, way.clock.now() - line.began);
  } catch (silence) {
    if (!(silence instanceof Silence) || silence.why === "late") return fail("vnc-silent");
    if (!opened) return whyRefused(way, "vnc/ws");
    if (silence.reason === "vnc-off" || silence.reason === "vnc-watermark-off") return skip(silence.reason);
    return fail("vnc-closed", silence.reason || "vnc-failed");
  } finally {
    line.close();
  }
}
