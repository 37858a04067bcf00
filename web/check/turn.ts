/** TURN: a real allocation at each URL that the server names. */

import type { Clock } from "../src/clock.ts";
import { manner, relays } from "./candidate.ts";
import { fail, ok, skip, type Finding } from "./finding.ts";
import { PATIENCE, type Way } from "./way.ts";

/** STUN errors (RFC 8489 §14.8) that are about who asks; 701 is the browser's own: no answer (W3C WebRTC §4.8.2). */
const UNAUTHORIZED = [401, 403, 438, 441];
const FULL = [486, 508];

export async function checkTURN(way: Way): Promise<Finding[]> {
  if (!way.iceServers) return [skip("skip-webrtc")];
  if (!("RTCPeerConnection" in globalThis)) return [fail("rtc-missing")];
  const servers = relays(way.iceServers);
  if (servers.length === 0) return [skip("turn-none")];
  return Promise.all(servers.map(async (server) => ({ ...(await allocate(way.clock, server)), detail: String(server.urls) })));
}

/** Asks a server for a relayed address, as a browser does when it connects. */
async function allocate(clock: Clock, server: RTCIceServer): Promise<Finding> {
  const name = manner(String(server.urls));
  const began = clock.now();
  let connection: RTCPeerConnection;
  try {
    connection = new RTCPeerConnection({ iceServers: [server], iceTransportPolicy: "relay" });
  } catch {
    return fail("turn-invalid", name);
  }
  let error = 0;
  let cancel = () => {};
  connection.createDataChannel("check");
  try {
    return await new Promise<Finding>((resolve, reject) => {
      const over = () => resolve(refusal(name, error));
      cancel = clock.after(PATIENCE, over);
      connection.onicecandidateerror = ({ errorCode }) => (error = errorCode);
      connection.onicecandidate = ({ candidate }) => {
        if (candidate?.type === "relay") resolve(ok("turn-ok", name, clock.now() - began));
        else if (!candidate) over();
      };
      connection.setLocalDescription().catch(reject);
    });
  } catch {
    return fail("turn-invalid", name);
  } finally {
    cancel();
    connection.onicecandidate = connection.onicecandidateerror = null;
    connection.close();
  }
}

function refusal(name: string, error: number): Finding {
  if (UNAUTHORIZED.includes(error)) return fail("turn-refused", name, String(error));
  if (FULL.includes(error)) return fail("turn-full", name, String(error));
  if (error === 0 || error === 701) return fail("turn-silent", name);
  return fail("turn-error", name, String(error));
}
