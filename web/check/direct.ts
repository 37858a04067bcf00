/** WebRTC straight to the server: one connection that may use nothing but one protocol. */

import { isDirect, mirrors, place, withoutCandidates } from "./candidate.ts";
import { fail, ok, skip, warn, type Finding } from "./finding.ts";
import type { Line } from "./line.ts";
import { measure, type Echo } from "./trips.ts";
import { control, PATIENCE, type Way } from "./way.ts";

/** Without an offer for this long there is none, in ms: the server may ask others for TURN servers first. */
const NO_OFFER = 6000;
/** Without a candidate of the protocol for this long after the offer there is none, in ms. */
const NO_CANDIDATE = 3000;

type Outcome = "open" | "late" | "none" | "ended" | "unoffered";

/** Connects by "udp" or "tcp" alone and measures round trips on a data channel. */
export async function checkDirect(way: Way, protocol: "udp" | "tcp"): Promise<Finding> {
  if (!way.line) return skip("skip-socket");
  if (!("RTCPeerConnection" in globalThis)) return fail("rtc-missing");
  const line = way.open("ws");
  let attempt: Attempt | null = null;
  try {
    await line.opened(PATIENCE);
    attempt = new Attempt(way, line, protocol);
    await way.join(line, { transport: "auto", codecs: [] });
    return await judge(way, attempt, protocol);
  } catch {
    return fail("rtc-socket");
  } finally {
    attempt?.close();
    line.close();
  }
}

async function judge(way: Way, attempt: Attempt, protocol: "udp" | "tcp"): Promise<Finding> {
  switch (await attempt.outcome) {
    case "unoffered":
      return fail("rtc-unoffered");
    case "ended":
      return fail("rtc-socket");
    case "none":
      return protocol === "tcp" ? skip("tcp-off") : fail("udp-off");
    case "late":
      return fail(`${protocol}-blocked`);
  }
  const { types, addresses } = await attempt.pair();
  const trips = await measure(way.clock, attempt.echo);
  const found =
    trips.lost * 4 > trips.sent
      ? warn("direct-lossy", attempt.took, types, trips.lost, trips.sent)
      : ok("direct-ok", attempt.took, types, trips.p50, trips.p90);
  return { ...found, detail: addresses };
}

/** One connection, until close. */
class Attempt {
  readonly outcome: Promise<Outcome>;
  /** How long after the offer the channel was open, in ms. */
  took = NaN;
  private readonly connection: RTCPeerConnection;
  private readonly channel: RTCDataChannel;
  private began = 0;
  private readonly cancels: (() => void)[] = [];
  /** Called with the offer, and with the first candidate: what was awaited has come. */
  private readonly offered: () => void;
  private proposed = () => {};
  private settle: (outcome: Outcome) => void = () => {};
  private work: Promise<void> = Promise.resolve();

  constructor(
    private readonly way: Way,
    private readonly line: Line,
    private readonly protocol: string,
  ) {
    this.outcome = new Promise((resolve) => (this.settle = resolve));
    this.connection = new RTCPeerConnection();
    this.connection.createDataChannel("keys", { negotiated: true, id: 0 });
    this.channel = this.connection.createDataChannel("motion", { negotiated: true, id: 1, ordered: false, maxRetransmits: 0 });
    this.channel.binaryType = "arraybuffer";
    this.channel.onopen = () => {
      this.took = way.clock.now() - this.began;
      this.settle("open");
    };
    this.offered = this.deadline(NO_OFFER, "unoffered");
    this.cancels.push(line.listen((data) => this.hear(data)));
    void line.ended(2 * PATIENCE).then((end) => end && this.settle("ended"));
  }

  get echo(): Echo {
    const { channel } = this;
    return {
      send: (probe) => channel.send(probe),
      listen: (fn) => {
        channel.onmessage = ({ data }) => fn(data);
        return () => void (channel.onmessage = null);
      },
    };
  }

  /** The pair of candidates in use: their types, and their addresses. */
  async pair(): Promise<{ types: string; addresses: string }> {
    const report = await this.connection.getStats();
    const entry = (id: unknown) => (typeof id === "string" ? (report.get(id) as Record<string, unknown> | undefined) : undefined);
    let pair: Record<string, unknown> | undefined;
    report.forEach((stats: Record<string, unknown>) => {
      if (stats.type === "transport") pair ??= entry(stats.selectedCandidatePairId);
      if (stats.type === "candidate-pair" && stats.nominated && stats.state === "succeeded") pair ??= stats;
    });
    const ends = [entry(pair?.localCandidateId), entry(pair?.remoteCandidateId)];
    return {
      types: ends.map((end) => String(end?.candidateType ?? "?")).join(" – "),
      addresses: ends.map((end) => place(end?.address, end?.port)).join(" – "),
    };
  }

  close(): void {
    for (const cancel of this.cancels) cancel();
    this.connection.onicecandidate = this.channel.onopen = null;
    this.connection.close();
  }

  /** Settles for an outcome after ms, unless the function returned is called before. */
  private deadline(ms: number, outcome: Outcome): () => void {
    const cancel = this.way.clock.after(ms, () => this.settle(outcome));
    this.cancels.push(cancel);
    return cancel;
  }

  private hear(data: string | ArrayBuffer): void {
    const message = control(data);
    if (message?.type === "offer") this.enqueue(() => this.answer(message.sdp, message.generation, message.ice.iceServers ?? []));
    else if (message?.type === "candidate") this.enqueue(() => this.take(message.candidate));
  }

  /** Runs steps one after the other. What cannot be made use of shows in the outcome. */
  private enqueue(step: () => Promise<void>): void {
    this.work = this.work.then(step).catch((error: unknown) => console.warn("lucarne: check:", error));
  }

  private async answer(offer: string, generation: number, iceServers: RTCIceServer[]): Promise<void> {
    this.offered();
    this.began = this.way.clock.now();
    this.deadline(PATIENCE, "late");
    const { connection, line, protocol } = this;
    this.way.iceServers = iceServers;
    connection.setConfiguration({ iceServers: mirrors(iceServers) });
    this.proposed = this.deadline(NO_CANDIDATE, "none");
    connection.onicecandidate = ({ candidate }) => {
      if (candidate && isDirect(candidate.candidate, protocol)) {
        line.say({ type: "candidate", candidate: candidate.toJSON(), generation });
      }
    };
    const { sdp, candidates } = withoutCandidates(offer);
    await connection.setRemoteDescription({ type: "offer", sdp });
    await connection.setLocalDescription();
    const answer = withoutCandidates(connection.localDescription?.sdp ?? "").sdp;
    line.say({ type: "answer", sdp: answer, generation });
    for (const candidate of candidates) await this.take({ candidate, sdpMLineIndex: 0 });
  }

  private async take(candidate: RTCIceCandidateInit): Promise<void> {
    if (!isDirect(candidate.candidate ?? "", this.protocol)) return;
    this.proposed();
    await this.connection.addIceCandidate(candidate);
  }
}
