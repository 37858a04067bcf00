import assert from "node:assert/strict";
import { test } from "node:test";
import { Delivery } from "../src/delivery.ts";
import { Ladder, type Rung } from "../src/ladder.ts";
import { FakeClock, settle } from "./fakes.ts";

/** A ladder, and the two paths as they are at the moment. */
function ladder(pinned: Rung | null = null) {
  const clock = new FakeClock();
  const did: string[] = [];
  /** Round trips in ms; null for none. */
  const paths: Record<Rung, number | null> = { ws: 20, webrtc: 10 };
  const state = { losses: 0, counted: Promise.resolve(), frames: true, id: 0 };
  const made: Ladder = new Ladder(clock, pinned && { rung: pinned, why: { code: "path-pinned", args: [] } }, {
    watch: (rungs) => {
      did.push(`watch ${rungs.join(" ")}`);
      // What begins does so with a key frame.
      if (rungs.includes("webrtc")) clock.after(30, () => frame());
    },
    show: (rung) => did.push(`show ${rung}`),
    probe: (rung, number) => {
      const took = paths[rung];
      if (took !== null) clock.after(took, () => made.answered(rung, number));
    },
    losses: async () => {
      await state.counted;
      return state.losses;
    },
    restart: () => did.push("restart"),
    changed: () => {},
  });
  /** The server sends a frame by WebRTC, which arrives, or not. */
  const frame = () => {
    const id = (state.id += 3000);
    if (state.frames) made.presented("webrtc", id);
    made.sent([id]);
  };
  const turn = async (ms: number) => {
    for (let step = 0; step < ms; step += 10) {
      clock.turn(10);
      await settle();
    }
  };
  const take = () => did.splice(0);
  const why = () => made.why?.code ?? "";
  made.begin();
  return { clock, paths, state, frame, turn, take, why, ladder: made };
}

/** One that shows WebRTC. */
async function promoted() {
  const made = ladder();
  made.ladder.connect(true);
  await made.turn(3000);
  assert.equal(made.ladder.shown, "webrtc");
  made.take();
  return made;
}

test("it starts on the socket, compares, casts a shadow, and only then shows WebRTC", async () => {
  const { ladder: l, turn, take } = ladder();
  assert.deepEqual(take(), ["show ws"]);
  await turn(5000);
  assert.deepEqual(take(), [], "WebRTC is not there yet");
  l.connect(true);
  await turn(900);
  assert.deepEqual(take(), [], "ten probes each take a second");
  await turn(200);
  assert.deepEqual(take(), ["watch webrtc ws"], "both carry it, the socket is seen");
  await turn(900);
  assert.equal(l.shown, "ws");
  await turn(300);
  assert.deepEqual(take(), ["show webrtc", "watch webrtc"]);
  assert.equal(l.why, null);
});

test("WebRTC that is slower, mute or not compared is not shown", async () => {
  const cases: [string, number | null, number | null, Rung, string][] = [
    ["5 ms slower", 20, 25, "webrtc", ""],
    ["6 ms slower", 20, 26, "ws", "webrtc-slower"],
    ["mute", 20, null, "ws", "webrtc-slower"],
    ["the socket mute", null, 50, "webrtc", ""],
    ["both mute", null, null, "ws", "webrtc-slower"],
  ];
  for (const [name, ws, webrtc, want, reason] of cases) {
    const { ladder: l, paths, turn, why } = ladder();
    Object.assign(paths, { ws, webrtc });
    l.connect(true);
    await turn(4500);
    assert.equal(l.shown, want, name);
    assert.equal(why(), reason, name);
  }
});

test("one probe in ten may be slow; a comparison that was lost is made again after 10 s", async () => {
  const { ladder: l, paths, turn } = ladder();
  paths.webrtc = 500;
  l.connect(true);
  await turn(50);
  paths.webrtc = 10;
  await turn(2500);
  assert.equal(l.shown, "webrtc");
  const second = ladder();
  second.paths.webrtc = 500;
  second.ladder.connect(true);
  await second.turn(3000);
  second.paths.webrtc = 10;
  await second.turn(8000);
  assert.equal(second.ladder.shown, "ws");
  await second.turn(4000);
  assert.equal(second.ladder.shown, "webrtc");
});

test("a shadow with losses, or without a picture, is no reason to change", async () => {
  const cases: [string, number, object][] = [
    ["lost packets", 1050, { losses: 1 }],
    ["no frame", 850, { frames: false }],
  ];
  for (const [name, at, spoilt] of cases) {
    const made = ladder();
    made.ladder.connect(true);
    await made.turn(at);
    Object.assign(made.state, spoilt);
    await made.turn(4000);
    assert.equal(made.ladder.shown, "ws", name);
    assert.equal(made.why(), "webrtc-lossy", name);
    assert.equal(made.take().at(-1), "watch ws", name);
  }
});

test("probes that are missed are a stall within 3 s, and the socket's picture comes before the change", async () => {
  const { ladder: l, paths, turn, take, clock, why } = await promoted();
  paths.webrtc = null;
  const cut = clock.now();
  while (take().length === 0) await turn(10);
  assert.ok(clock.now() - cut <= 2100, `${clock.now() - cut} ms`);
  assert.equal(l.shown, "webrtc", "its last picture stays");
  l.presented("ws");
  assert.deepEqual(take(), ["show ws", "watch ws", "restart"]);
  assert.equal(why(), "webrtc-stalled");
});

test("probes that are missed while frames come are a stall a little later", async () => {
  const { paths, turn, take, clock, frame } = await promoted();
  paths.webrtc = null;
  const cut = clock.now();
  while (!take().includes("watch webrtc ws")) {
    await turn(10);
    if (clock.now() % 50 === 0) frame();
  }
  const took = clock.now() - cut;
  assert.ok(took > 2000 && took <= 3000, `${took} ms`);
});

test("a single probe that is lost is no stall, and silence is none", async () => {
  const { ladder: l, paths, turn, take } = await promoted();
  for (let i = 0; i < 20; i++) {
    paths.webrtc = i % 3 ? 10 : null;
    await turn(500);
  }
  paths.webrtc = 10;
  await turn(60_000);
  assert.deepEqual(take(), []);
  assert.equal(l.shown, "webrtc");
});

test("a frame that was sent and is not shown for a second is a stall", async () => {
  const { state, frame, turn, take, clock } = await promoted();
  frame();
  await turn(2000);
  assert.deepEqual(take(), []);
  state.frames = false;
  frame();
  const sent = clock.now();
  while (take().length === 0) await turn(10);
  const took = clock.now() - sent;
  assert.ok(took >= 1000 && took <= 1500, `${took} ms`);
});

test("a connection that ends is a stall at once", async () => {
  const { ladder: l, take } = await promoted();
  l.connect(false);
  assert.deepEqual(take(), ["watch webrtc ws"]);
  l.presented("ws");
  assert.deepEqual(take(), ["show ws", "watch ws", "restart"]);
});

test("pauses before the next promotion grow from 10 s to 5 min, and begin anew after a quiet while", async () => {
  const { ladder: l, turn, clock } = await promoted();
  const pauses: number[] = [];
  const fall = async () => {
    l.connect(false);
    l.presented("ws");
    l.connect(true);
    const fell = clock.now();
    while (l.shown === "ws") await turn(100);
    return Math.round((clock.now() - fell) / 1000) - 2; // comparing and shadow
  };
  for (let i = 0; i < 7; i++) pauses.push(await fall());
  assert.deepEqual(pauses, [10, 20, 40, 80, 160, 300, 300]);
  await turn(301_000);
  assert.equal(await fall(), 10);
});

test("what disturbs a comparison or a shadow ends it", async () => {
  const disturb: [string, (l: Ladder) => void][] = [
    ["hidden", (l) => l.hide(true)],
    ["disconnected", (l) => l.connect(false)],
    ["another socket", (l) => l.begin()],
  ];
  for (const [name, act] of disturb) {
    const comparing = ladder();
    comparing.ladder.connect(true);
    await comparing.turn(500);
    act(comparing.ladder);
    comparing.take();
    await comparing.turn(10_000);
    assert.deepEqual(comparing.take(), [], `${name} while comparing`);
    const shadow = ladder();
    shadow.ladder.connect(true);
    await shadow.turn(1500);
    assert.equal(shadow.take().at(-1), "watch webrtc ws");
    act(shadow.ladder);
    // Another socket begins with the pictures on it, without being asked.
    assert.deepEqual(shadow.take(), [name === "another socket" ? "show ws" : "watch ws"], name);
    await shadow.turn(10_000);
    assert.deepEqual(shadow.take(), [], `${name} in the shadow`);
  }
});

test("a shadow that has ended while the losses were counted is not shown", async () => {
  const { ladder: l, clock, state, turn, take } = ladder();
  l.connect(true);
  await turn(2000);
  take();
  let told = () => {};
  state.counted = new Promise<void>((resolve) => (told = resolve));
  await turn(500);
  l.connect(false);
  told();
  await turn(500);
  assert.equal(clock.now(), 3000);
  assert.deepEqual(take(), ["watch ws"]);
});

test("a frame that is waited for puts the change off, and for too long prevents it", async () => {
  const { ladder: l, state, frame, turn, why } = ladder();
  l.connect(true);
  await turn(1900);
  state.frames = false;
  frame();
  await turn(700);
  assert.deepEqual([l.shown, why()], ["ws", ""]);
  await turn(400);
  assert.deepEqual([l.shown, why()], ["ws", "webrtc-lossy"]);
});

test("another connection, or socket, counts its frames anew", async () => {
  const again: [string, (l: Ladder) => void][] = [
    ["connection", (l) => (l.connect(false), l.presented("ws"), l.connect(true))],
    ["socket", (l) => (l.begin(), l.presented("ws"), l.connect(true))],
  ];
  for (const [name, act] of again) {
    const { ladder: l, state, frame, turn, take } = await promoted();
    state.frames = false;
    frame();
    act(l);
    state.frames = true;
    state.id = -50_000; // the timestamps begin anywhere
    await turn(14_000);
    assert.equal(l.shown, "webrtc", name);
    take();
    state.frames = false;
    frame();
    await turn(1500);
    assert.deepEqual(take(), ["watch webrtc ws"], name);
  }
});

test("frames that a hidden tab did not show are not waited for when it is seen again", async () => {
  const { ladder: l, state, frame, turn, take } = await promoted();
  state.frames = false;
  frame();
  await turn(800);
  l.hide(true);
  await turn(100);
  l.hide(false);
  await turn(2000);
  assert.deepEqual(take(), []);
});

test("a hidden tab is not judged", async () => {
  const { ladder: l, paths, state, frame, turn, take } = await promoted();
  l.hide(true);
  paths.webrtc = null;
  state.frames = false;
  frame();
  await turn(60_000);
  assert.deepEqual(take(), []);
  paths.webrtc = 10;
  l.hide(false);
  await turn(5000);
  assert.deepEqual(take(), []);
  const second = ladder();
  second.ladder.hide(true);
  second.ladder.connect(true);
  await second.turn(20_000);
  assert.equal(second.ladder.shown, "ws");
  second.ladder.hide(false);
  await second.turn(3000);
  assert.equal(second.ladder.shown, "webrtc");
});

test("a page that was stopped itself has no right to complain", async () => {
  const { ladder: l, paths, turn, take, clock } = await promoted();
  paths.webrtc = 4000; // the answers lie in the page's own queue
  await turn(600);
  clock.now = ((now) => () => now() + 5000)(clock.now.bind(clock));
  paths.webrtc = 10;
  await turn(5000);
  assert.deepEqual(take(), []);
  assert.equal(l.shown, "webrtc");
});

test("another socket begins with its own picture, and until then the last one stays", async () => {
  const { ladder: l, turn, take } = await promoted();
  l.begin();
  assert.deepEqual(take(), ["show webrtc"]);
  l.connect(true);
  await turn(5000);
  assert.deepEqual(take(), []);
  l.presented("ws");
  assert.deepEqual(take(), ["show ws"]);
  await turn(3000);
  assert.deepEqual(take(), ["watch webrtc ws", "show webrtc", "watch webrtc"]);
});

test("a path that is asked for is kept to", async () => {
  for (const rung of ["ws", "webrtc"] as const) {
    const { ladder: l, turn, take, why, paths } = ladder(rung);
    l.offered();
    l.connect(true);
    paths[rung] = null;
    await turn(30_000);
    l.connect(false);
    await turn(1000);
    assert.deepEqual(take(), [`show ${rung}`]);
    assert.equal(why(), "path-pinned");
  }
});

test("another path is kept to from the next socket on, and seen with its first picture", async () => {
  const { ladder: l, turn, take, why } = await promoted();
  l.pin({ rung: "ws", why: { code: "path-pinned", args: [] } });
  l.begin();
  await turn(2000);
  assert.deepEqual([take(), why()], [["show webrtc"], "path-pinned"]);
  l.presented("ws");
  assert.deepEqual(take().slice(0, 1), ["show ws"]);
  l.pin({ rung: "webrtc", why: { code: "path-pinned", args: [] } });
  l.begin();
  l.connect(true);
  await turn(2000);
  assert.deepEqual(take(), ["show ws"]);
  l.presented("webrtc", 7);
  await turn(20_000);
  assert.deepEqual(take(), ["show webrtc"]);
  l.pin(null);
  l.begin();
  assert.deepEqual([take(), why()], [["show webrtc"], ""]);
  l.presented("ws");
  assert.deepEqual(take(), ["show ws"]);
});

test("the network is told to be the reason after 12 s, until WebRTC is there", async () => {
  const { ladder: l, turn, why } = ladder();
  l.offered();
  await turn(11_900);
  assert.equal(why(), "");
  await turn(200);
  assert.equal(why(), "webrtc-blocked");
  l.connect(true);
  assert.equal(why(), "");
});

test("attempts that follow each other do not put off the reason", async () => {
  const { ladder: l, turn, why } = await promoted();
  l.connect(false);
  l.presented("ws");
  for (let attempt = 0; attempt < 3; attempt++) {
    assert.equal(why(), "webrtc-stalled");
    l.offered();
    await turn(5000);
  }
  assert.equal(why(), "webrtc-blocked");
  l.connect(true);
  assert.equal(why(), "");
});

test("what hinders WebRTC is told instead, once it is waited for in vain", async () => {
  const { ladder: l, turn, why } = ladder();
  l.offered();
  l.hinder({ code: "turn-missing", args: [] });
  assert.equal(why(), "");
  await turn(12_100);
  assert.equal(why(), "turn-missing");
  l.hinder({ code: "turn-refused", args: ["turn:t.example"] });
  assert.equal(why(), "turn-refused");
  l.offered(); // another attempt
  assert.equal(why(), "turn-refused");
  l.connect(true);
  assert.equal(why(), "");
  l.connect(false);
  l.offered();
  await turn(12_100);
  assert.equal(why(), "webrtc-blocked");
});

test("frames that were shown before they were told of are not waited for, wrapping included", () => {
  const delivery = new Delivery();
  delivery.presented(0xfffffff0);
  delivery.sent([0xffffff00, 0xfffffff0], 0);
  assert.equal(delivery.overdue(1000), 0);
  delivery.sent([0x10], 0);
  assert.equal(delivery.overdue(1000), 1000);
  delivery.presented(0x20);
  assert.equal(delivery.overdue(1000), 0, "a newer one will do");
  delivery.sent([0x30], 0);
  delivery.presented(undefined);
  delivery.sent([0x40], 0);
  assert.equal(delivery.overdue(1000), 0, "a browser that does not say which");
  delivery.reset();
  delivery.sent([1], 5);
  assert.equal(delivery.overdue(6), 1);
});
