/** ICE candidates as text (RFC 8839 §5.1). */

export interface Kind {
  protocol: string;
  type: string;
}

/** Protocol and type of a candidate-attribute, in lower case; null for what is none. */
export function kindOf(candidate: string): Kind | null {
  const [, , protocol, , , , typ, type] = candidate.split(" ");
  if (typ !== "typ" || !protocol || !type) return null;
  return { protocol: protocol.toLowerCase(), type: type.toLowerCase() };
}

/** Whether a candidate leads straight from end to end by this protocol. */
export function isDirect(candidate: string, protocol: string): boolean {
  const kind = kindOf(candidate);
  return kind !== null && kind.protocol === protocol && kind.type !== "relay";
}

/** A description without its candidates, so that they can be chosen one by one. */
export function withoutCandidates(sdp: string): { sdp: string; candidates: string[] } {
  const lines = sdp.split("\r\n");
  const isCandidate = (line: string) => line.startsWith("a=candidate:");
  return {
    sdp: lines.filter((line) => !isCandidate(line) && line !== "a=end-of-candidates").join("\r\n"),
    candidates: lines.filter(isCandidate).map((line) => line.slice("a=".length)),
  };
}

/** Where a candidate of the statistics is; a browser that hides an address of its own gives none, or an empty one. */
export function place(address: unknown, port: unknown): string {
  const host = typeof address === "string" && address !== "" ? address : "?";
  return `${host.includes(":") ? `[${host}]` : host}:${typeof port === "number" ? port : "?"}`;
}

/** The URLs of a server that relay, and those that only tell the own address. */
export function relays(servers: readonly RTCIceServer[]): RTCIceServer[] {
  return servers.flatMap((server) => urls(server).filter(isRelay).map((url) => ({ ...server, urls: url })));
}

export function mirrors(servers: readonly RTCIceServer[]): RTCIceServer[] {
  return servers.flatMap((server) => urls(server).filter((url) => !isRelay(url)).map((url) => ({ urls: url })));
}

const urls = ({ urls }: RTCIceServer): string[] => (typeof urls === "string" ? [urls] : (urls ?? []));
const isRelay = (url: string): boolean => /^turns?:/i.test(url);

/** A server's URL without the server: how it is spoken to ("turn, tcp"). */
export function manner(url: string): string {
  const scheme = /^turns/i.test(url) ? "TURN/TLS" : "TURN";
  const transport = /[?&]transport=(\w+)/i.exec(url)?.[1]?.toUpperCase();
  if (scheme === "TURN/TLS") return transport === "UDP" ? "TURN/DTLS" : scheme;
  return `${scheme}/${transport ?? "UDP"}`;
}
