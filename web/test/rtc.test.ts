import assert from "node:assert/strict";
import { test } from "node:test";
import type { ClientMessage } from "../src/protocol.ts";
import { Peer } from "../src/rtc.ts";
import { FakeClock, settle } from "./fakes.ts";

/** Stands in for the browser's, and writes down what is done to it. */
class FakeConnection {
  static made: FakeConnection[] = [];
  connectionState = "new";
  localDescription: { sdp: string } | null = null;
  onconnectionstatechange: (() => void) | null = null;
  onicecandidate: ((event: object) => void) | null = null;
  onicecandidateerror: ((event: object) => void) | null = null;
  ontrack: ((event: object) => void) | null = null;
  did: string[] = [];
  late = () => {};
  channels: { readyState: string; init: object; onopen?: () => void }[] = [];

  constructor(public configuration: RTCConfiguration) {
    FakeConnection.made.push(this);
  }

  setConfiguration(configuration: RTCConfiguration): void {
    this.configuration = configuration;
  }

  createDataChannel(_: string, init: object) {
    const channel = { readyState: "connecting", init };
    this.channels.push(channel);
    return channel;
  }

  async setRemoteDescription({ sdp }: { sdp: string }): Promise<void> {
    if (sdp.includes("broken")) throw new Error("broken");
    if (sdp.includes("never")) await new Promise(() => {});
    if (sdp.includes("late")) await new Promise<void>((resolve) => (this.late = resolve));
    this.did.push("offer");
  }

  async setLocalDescription(): Promise<void> {
    this.localDescription = { sdp: "answer" };
  }

  async addIceCandidate({ candidate }: { candidate: string }): Promise<void> {
    this.did.push(candidate);
  }

  close(): void {
    this.did.push("close");
  }

  enter(state: string): void {
    this.connectionState = state;
    this.onconnectionstatechange?.();
  }
}

function peer() {
  FakeConnection.made = [];
  Object.assign(globalThis, { RTCPeerConnection: FakeConnection });
  const clock = new FakeClock();
  const sent: ClientMessage[] = [];
  const refusals: string[] = [];
  const made = new Peer(clock, {
    send: (message) => sent.push(message),
    message: () => {},
    refused: (server) => refusals.push(server),
    video: () => {},
    changed: () => {},
  });
  const connection = (index = -1) => FakeConnection.made.at(index) ?? new FakeConnection({});
  return { clock, sent, refusals, peer: made, connection, types: () => sent.map(({ type }) => type) };
}

const sdp = (session: string) => `v=0\r\no=- ${session} 0 IN IP4 0.0.0.0\r\n`;

test("an offer is answered, with the two channels that both sides know", async () => {
  const { peer: p, sent, connection } = peer();
  p.offer(sdp("1"), 3, {});
  await settle();
  assert.deepEqual(sent, [{ type: "answer", sdp: "answer", generation: 3 }]);
  assert.deepEqual(
    connection().channels.map(({ init }) => init),
    [{ negotiated: true, id: 0 }, { negotiated: true, id: 1, ordered: false, maxRetransmits: 0 }],
  );
});

test("candidates wait for their offer, and stale ones are dropped", async () => {
  const { peer: p, connection } = peer();
  p.candidate({ candidate: "early" }, 1);
  p.offer(sdp("1"), 1, {});
  p.candidate({ candidate: "later" }, 1);
  p.offer(sdp("1"), 2, {});
  p.candidate({ candidate: "stale" }, 1);
  p.candidate({ candidate: "new" }, 2);
  await settle();
  await settle();
  assert.deepEqual(connection().did, ["offer", "early", "later", "offer", "new"]);
});

test("the servers of a new offer replace those of the last one", async () => {
  const { peer: p, connection } = peer();
  const ice = (username: string): RTCConfiguration => ({ iceServers: [{ urls: "turn:t.example", username }] });
  for (const username of ["first", "second"]) {
    p.offer(sdp("1"), 1, ice(username));
    await settle();
    assert.deepEqual(connection().configuration, ice(username));
  }
  assert.equal(FakeConnection.made.length, 1);
});

test("a TURN server that refuses is told of, one that is away is not", async () => {
  const { peer: p, connection, refusals } = peer();
  p.offer(sdp("1"), 1, {});
  await settle();
  for (const errorCode of [701, 401, 486]) connection().onicecandidateerror?.({ errorCode, url: `turn:${errorCode}.example` });
  assert.deepEqual(refusals, ["turn:401.example"]);
});

test("an offer of another session begins another connection", async () => {
  const { peer: p, connection } = peer();
  p.offer(sdp("1"), 1, {});
  p.offer(sdp("1"), 2, {});
  await settle();
  assert.equal(FakeConnection.made.length, 1);
  p.offer(sdp("2"), 3, {});
  await settle();
  assert.equal(FakeConnection.made.length, 2);
  assert.equal(connection(0).did.at(-1), "close");
});

test("input goes by the channels only while both are open and the connection stands", async () => {
  const { peer: p, connection } = peer();
  p.offer(sdp("1"), 1, {});
  await settle();
  const c = connection();
  c.enter("connected");
  assert.equal(p.input, null);
  for (const channel of c.channels) channel.readyState = "open";
  assert.ok(p.input);
  c.enter("disconnected");
  assert.equal(p.input, null);
});

test("ICE is restarted at once after a failure, later after a disconnection, and again until it helps", async () => {
  const { peer: p, clock, connection, types } = peer();
  p.restart();
  assert.deepEqual(types(), [], "nothing to restart");
  p.offer(sdp("1"), 1, {});
  await settle();
  const restarts = () => types().filter((type) => type === "restart").length;
  connection().enter("disconnected");
  clock.turn(1999);
  assert.equal(restarts(), 0);
  connection().enter("connected");
  clock.turn(5000);
  assert.equal(restarts(), 0, "it healed by itself");
  connection().enter("disconnected");
  clock.turn(2000);
  assert.equal(restarts(), 1);
  clock.turn(5000);
  assert.equal(restarts(), 2);
  connection().enter("failed");
  assert.equal(restarts(), 3);
  connection().enter("connected");
  clock.turn(60_000);
  assert.equal(restarts(), 3);
  p.close();
  clock.turn(60_000);
  assert.equal(p.state, "new");
});

test("an offer that cannot be taken does not stop the next, nor is another asked for at once", async () => {
  const { peer: p, clock, types, connection } = peer();
  const { warn } = console;
  console.warn = () => {};
  p.offer(sdp("1") + "broken", 1, {});
  await settle();
  console.warn = warn;
  assert.deepEqual(types(), []);
  p.offer(sdp("1"), 2, {});
  await settle();
  assert.deepEqual(types(), ["answer"]);
  connection().enter("connected");
  clock.turn(60_000);
  assert.deepEqual(types(), ["answer"]);
});

test("a candidate that the browser does not take is no trouble for a connection that stands", async () => {
  const { peer: p, clock, types, connection } = peer();
  p.offer(sdp("1"), 1, {});
  await settle();
  connection().enter("connected");
  connection().addIceCandidate = async () => {
    throw new Error("unknown kind");
  };
  p.candidate({ candidate: "c" }, 1);
  await settle();
  clock.turn(60_000);
  assert.deepEqual(types(), ["answer"]);
});

test("a browser that cannot change the servers of a connection takes the next offer with those it has", async () => {
  const { peer: p, types, connection } = peer();
  p.offer(sdp("1"), 1, {});
  await settle();
  Object.assign(connection(), { setConfiguration: undefined });
  p.offer(sdp("1"), 2, {});
  await settle();
  assert.deepEqual(types(), ["answer", "answer"]);
});

test("a close during negotiation leaves the next one its way, and no answer behind", async () => {
  const { peer: p, sent, connection } = peer();
  p.offer(sdp("1") + "never", 1, {});
  p.candidate({ candidate: "former" }, 1);
  await settle();
  p.close();
  p.offer(sdp("2") + "late", 1, {});
  await settle();
  const { late } = connection();
  p.close();
  p.offer(sdp("3"), 1, {});
  late();
  await settle();
  await settle();
  assert.equal(FakeConnection.made.length, 3);
  assert.deepEqual(sent.map(({ type }) => type), ["answer"]);
  assert.deepEqual(connection().did, ["offer"], "candidates of the former one are dropped");
});
