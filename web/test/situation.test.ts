import assert from "node:assert/strict";
import { test } from "node:test";
import type { LinkState } from "../src/connection.ts";
import type { Control, DisplayMessage, Process, Reason } from "../src/protocol.ts";
import { lackingOf } from "../src/processes.ts";
import { barOf, routeOf, stateOf, viewOf, type Situation } from "../src/ui/situation.ts";
import { processName } from "../src/ui/starting.ts";
import { wordsIn } from "./fakes.ts";

const display = (state: DisplayMessage["state"], code = ""): DisplayMessage => ({ type: "display", state, code, args: [] });

const connected: Situation = {
  now: 1000,
  link: { name: "open" },
  display: display("up"),
  processes: [],
  shown: "ws",
  media: "connected",
  path: "",
  pictured: true,
  why: null,
  offer: { allow: [], watching: false, primary: false, encodes: null, decodes: [], encoding: null, keyboard: { layout: "", mode: "text" } },
  watching: false,
  leading: true,
  control: null,
};
const owned = (name: string): Control => ({
  viewer: "1",
  name,
  as: "owner",
  you: false,
  given: false,
  role: "viewer",
  allow: ["video"],
  refuse: {},
});
const left: LinkState = { name: "ended", reason: { code: "left", args: [] } };

test("each situation has a state, words in the toolbar and, where there is something to wait for, a card", () => {
  const words = wordsIn("en");
  const cases: [Partial<Situation>, string, string, string | null][] = [
    [{}, "connected", "Connected by the page’s own WebSocket", null],
    [{ shown: "webrtc", path: "udp" }, "connected", "Connected by WebRTC (UDP)", null],
    [{ watching: true, leading: false }, "connected", "You are watching", null],
    [{ watching: true, leading: false, control: owned("") }, "connected", "You are only watching. In control: Owner", null],
    [{ watching: true, leading: false, control: owned("Zoé") }, "connected", "You are only watching. In control: Zoé", null],
    [{ leading: false }, "connected", "Someone else is in control", null],
    [{ media: "disconnected" }, "repairing", "The connection is being repaired…", null],
    [{ link: { name: "resuming" } }, "repairing", "The connection is being repaired…", null],
    [{ pictured: false }, "picture", "Waiting for the picture…", "Waiting for the picture…"],
    [{ link: { name: "connecting" } }, "connecting", "Connecting…", "Connecting…"],
    [{ link: { name: "waiting", until: 5000, reason: null } }, "waiting", "Not connected", "Not connected"],
    [{ link: { name: "login" } }, "login", "Connecting…", "login"],
    [{ link: left }, "ended", "Disconnected", "Disconnected"],
    [{ display: display("starting") }, "starting", "Connecting…", "The desktop is starting…"],
    [{ display: display("gone") }, "gone", "The desktop is gone", "The desktop is gone"],
  ];
  for (const [part, state, bar, card] of cases) {
    const situation = { ...connected, ...part };
    assert.equal(stateOf(situation), state);
    assert.equal(barOf(words, situation).text, bar, state);
    const view = viewOf(words, situation, null);
    assert.equal(view && view !== "login" ? view.title : view, card, state);
  }
});

const process = (name: string, state: Process["state"], error = ""): Process => ({
  name,
  state,
  since: 0,
  restarts: 0,
  error,
  lines: [],
  needed: name !== "pulseaudio",
});

test("what keeps the desktop running is shown until there is a desktop, and when what is needed has failed", () => {
  const words = wordsIn("en");
  const sound = process("pulseaudio", "retrying", "exit status 1");
  const cases: [Partial<Situation>, string | null][] = [
    [{ display: display("starting"), processes: [process("xserver", "starting"), sound] }, "The desktop is starting…"],
    [{ display: display("gone"), processes: [process("xserver", "retrying", "killed")] }, "The desktop is gone"],
    [{ processes: [process("session", "retrying", "exit status 1")] }, "The desktop session has ended"],
    [{ processes: [process("session", "starting", "exit status 1")] }, "The desktop session has ended"],
    [{ processes: [process("session", "ready", "exit status 1")] }, null],
    [{ processes: [process("session", "starting")] }, null],
    [{ processes: [process("session", "stopped", "exit status 1")] }, null],
    [{ processes: [process("session", "ready"), sound] }, null],
  ];
  for (const [part, title] of cases) {
    const view = viewOf(words, { ...connected, ...part }, null);
    assert.ok(view !== "login");
    assert.equal(view?.title ?? null, title, JSON.stringify(part));
    if (view) assert.deepEqual(view.processes, part.processes);
  }
});

test("what the desktop gets on without is told by its name", () => {
  const failed = [process("xserver", "failed", "not installed"), process("pulseaudio", "retrying", "exit status 1"), process("home", "ready")];
  assert.deepEqual(lackingOf(failed).map(({ name }) => processName(wordsIn("fr"), name)), ["Son (PulseAudio)"]);
  assert.equal(processName(wordsIn("en"), "constructor"), "constructor");
});

test("a picture that does not come is explained, and another way offered", () => {
  const words = wordsIn("en");
  const waiting = { ...connected, pictured: false };
  const told: Reason = { code: "no-codec", args: [] };
  const cases: [Situation, Reason | null][] = [
    [waiting, told],
    [{ ...waiting, why: told }, null],
    [{ ...waiting, why: { code: "path-pinned", args: [] } }, told],
  ];
  for (const [situation, hindrance] of cases) {
    const view = viewOf(words, situation, hindrance);
    assert.ok(view && view !== "login" && view.vnc && view.reconnect && view.what?.startsWith("The server has no pictures"));
  }
  const chosen = viewOf(words, { ...waiting, why: { code: "path-pinned", args: [] } }, null);
  assert.ok(chosen && chosen !== "login" && !chosen.what, "that a path was chosen explains nothing");
});

test("the path is told with its reason", () => {
  const words = wordsIn("en");
  assert.equal(routeOf(words, connected).why, "Finding out whether WebRTC is faster.");
  assert.equal(routeOf(words, { ...connected, shown: "webrtc" }).why, "This is the faster path.");
  assert.equal(routeOf(words, { ...connected, pictured: false }).path, "Waiting for the picture…");
  assert.equal(routeOf(words, { ...connected, why: { code: "webrtc-missing", args: [] } }).why, "This browser has no WebRTC.");
});
