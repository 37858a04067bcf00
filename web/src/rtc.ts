/**
 * The WebRTC side: the server offers, the page answers. Candidates trickle both
 * ways. Input has two negotiated data channels beside the video: id 0 for what
 * must arrive, id 1 for what is worthless when late.
 */

import type { Clock } from "./clock.ts";
import type { Channel } from "./input.ts";
import type { ClientMessage } from "./protocol.ts";

/** How long a connection may be disconnected before ICE is restarted, in ms (it often heals by itself). */
const DISCONNECTED = 2000;
/** Pause before a restart that has led to nothing is asked for again, in ms. */
const RESTART_AGAIN = 5000;
/** Errors of STUN and TURN (RFC 8656 §19) that say that a server does not let this page in. */
const REFUSALS = [401, 403, 441];

export interface PeerListener {
  send(message: ClientMessage): void;
  /** The video, alone in its stream: together with sound, the browser would delay it to keep them in step. */
  video(stream: MediaStream): void;
  /** A message of the server's on the channel for what may get lost. */
  message(data: ArrayBuffer): void;
  /** A TURN server does not take the credentials. */
  refused(server: string): void;
  /** The connection's state or its channels have changed. */
  changed(): void;
}

/** The session id of an SDP's origin line (RFC 8866 §5.2): another one is another peer connection. */
export function sessionID(sdp: string): string {
  return /^o=\S+ (\S+)/m.exec(sdp)?.[1] ?? "";
}

/** One viewer's peer connections: one at a time, a new one whenever the server begins anew. */
export class Peer {
  private connection: RTCPeerConnection | null = null;
  private session = "";
  private generation = 0;
  private early: { candidate: RTCIceCandidateInit; generation: number }[] = [];
  private channels: { keys: RTCDataChannel; motion: RTCDataChannel } | null = null;
  private work: Promise<void> = Promise.resolve();
  /** Counts the closings: a step queued before one is not for what comes after. */
  private epoch = 0;
  private cancelRestart = () => {};

  constructor(
    private readonly clock: Clock,
    private readonly listener: PeerListener,
  ) {}

  get state(): RTCPeerConnectionState {
    return this.connection?.connectionState ?? "new";
  }

  /** The channels for input; null while either is of no use. */
  get input(): { keys: Channel; motion: Channel } | null {
    const { channels } = this;
    const open = channels?.keys.readyState === "open" && channels.motion.readyState === "open";
    return open && this.state === "connected" ? channels : null;
  }

  /** Sends a message that may get lost, beside the input. */
  probe(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.input) this.channels?.motion.send(bytes);
  }

  /** The browser's statistics; null without a connection. */
  async stats(): Promise<RTCStatsReport | null> {
    return (await this.connection?.getStats()) ?? null;
  }

  /** Takes an offer: of the connection there is, or of a new one. The servers' credentials last for one attempt. */
  offer(sdp: string, generation: number, ice: RTCConfiguration): void {
    this.enqueue(async (current) => {
      const session = sessionID(sdp);
      if (!this.connection || session !== this.session) this.create(ice);
      else this.connection.setConfiguration?.(ice); // Firefox before 119 has none, and keeps to its servers
      this.session = session;
      const connection = this.connection;
      if (!connection) return;
      this.generation = generation;
      await connection.setRemoteDescription({ type: "offer", sdp });
      if (!current()) return;
      await connection.setLocalDescription();
      if (!current()) return;
      const answer = connection.localDescription?.sdp ?? "";
      this.listener.send({ type: "answer", sdp: answer, generation });
      for (const { candidate, generation } of this.early.splice(0)) {
        if (current() && generation === this.generation) await connection.addIceCandidate(candidate);
      }
    });
  }

  /** Takes a candidate of the negotiation with this generation. */
  candidate(candidate: RTCIceCandidateInit, generation: number): void {
    this.enqueue(async () => {
      if (generation > this.generation) this.early.push({ candidate, generation });
      else if (generation === this.generation) await this.connection?.addIceCandidate(candidate);
    });
  }

  /** Asks for an ICE restart now, and again until the connection stands. */
  restart(): void {
    this.cancelRestart();
    if (!this.connection) return;
    this.listener.send({ type: "restart" });
    this.restartUnlessConnected();
  }

  /** Asks for a restart after a pause, if there still is no connection. */
  private restartUnlessConnected(): void {
    this.cancelRestart();
    this.cancelRestart = this.clock.after(RESTART_AGAIN, () => {
      if (this.state !== "connected") this.restart();
    });
  }

  /** Ends the connection and forgets what was under way: a browser need not settle a promise of a closed one. */
  close(): void {
    this.epoch++;
    this.work = Promise.resolve();
    this.early = [];
    this.drop();
  }

  private drop(): void {
    this.cancelRestart();
    this.generation = 0;
    this.session = "";
    this.channels = null;
    const { connection } = this;
    this.connection = null;
    if (!connection) return;
    connection.onconnectionstatechange = connection.onicecandidate = connection.ontrack = null;
    connection.onicecandidateerror = null;
    connection.close();
  }

  /** Runs steps one after the other; one that fails leaves the next its chance. */
  private enqueue(step: (current: () => boolean) => Promise<void>): void {
    const { epoch } = this;
    const current = () => epoch === this.epoch;
    const run = async () => {
      if (current()) await step(current);
    };
    this.work = this.work.then(run).catch((error: unknown) => {
      if (!current()) return;
      console.warn("lucarne: negotiation:", error);
      this.restartUnlessConnected();
    });
  }

  private create(ice: RTCConfiguration): void {
    this.drop();
    const connection = new RTCPeerConnection(ice);
    this.connection = connection;
    const keys = connection.createDataChannel("keys", { negotiated: true, id: 0 });
    const motion = connection.createDataChannel("motion", {
      negotiated: true,
      id: 1,
      ordered: false,
      maxRetransmits: 0,
    });
    this.channels = { keys, motion };
    motion.binaryType = "arraybuffer";
    motion.onmessage = ({ data }) => data instanceof ArrayBuffer && this.listener.message(data);
    for (const channel of [keys, motion]) {
      channel.onopen = channel.onclose = () => this.listener.changed();
    }
    connection.onicecandidate = ({ candidate }) => {
      if (!candidate) return;
      this.listener.send({ type: "candidate", candidate: candidate.toJSON(), generation: this.generation });
    };
    connection.onicecandidateerror = ({ errorCode, url }) => {
      if (REFUSALS.includes(errorCode)) this.listener.refused(url);
    };
    connection.ontrack = ({ track, receiver }) => {
      if (track.kind !== "video") return;
      // Frames are for now: no cushion. The server's playout-delay (0, 0) says the same in RTP.
      if ("jitterBufferTarget" in receiver) receiver.jitterBufferTarget = 0;
      this.listener.video(new MediaStream([track]));
    };
    connection.onconnectionstatechange = () => this.changed();
  }

  private changed(): void {
    switch (this.state) {
      case "connected":
        this.cancelRestart();
        break;
      case "disconnected":
        this.cancelRestart();
        this.cancelRestart = this.clock.after(DISCONNECTED, () => this.restart());
        break;
      case "failed":
        this.restart();
        break;
    }
    this.listener.changed();
  }
}
