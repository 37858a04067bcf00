import assert from "node:assert/strict";
import { test } from "node:test";
import { watchFrames, type Video } from "../src/presented.ts";
import type { Presented } from "../src/stats.ts";

class FakeVideo extends EventTarget {
  readyState = 0;
  total = 0;

  getVideoPlaybackQuality() {
    return { totalVideoFrames: this.total } as VideoPlaybackQuality;
  }
}

test("every frame that the browser tells of is handed on", () => {
  const callbacks: VideoFrameRequestCallback[] = [];
  const video = Object.assign(new FakeVideo(), {
    requestVideoFrameCallback: (fn: VideoFrameRequestCallback) => callbacks.push(fn),
  });
  const frames: Presented[] = [];
  watchFrames(video as Video, () => 0, (frame) => frames.push(frame));
  for (const presentationTime of [5, 7]) callbacks.pop()?.(0, { presentationTime } as VideoFrameCallbackMetadata);
  assert.deepEqual(frames.map((frame) => frame.presentationTime), [5, 7]);
});

test("where the browser tells of none, they are counted", () => {
  const video = new FakeVideo();
  let shown = 0;
  watchFrames(video as Video, () => 0, () => shown++);
  const steps: [string, number, number, number][] = [
    ["playing", 0, 0, 0], // nothing is there yet
    ["loadeddata", 2, 0, 1],
    ["timeupdate", 2, 1, 2],
    ["timeupdate", 2, 1, 2], // the desktop is still
    ["timeupdate", 2, 8, 9],
    ["loadeddata", 2, 0, 10], // another stream, counted anew
    ["timeupdate", 2, 3, 13],
  ];
  for (const [type, readyState, total, want] of steps) {
    Object.assign(video, { readyState, total });
    video.dispatchEvent(new Event(type));
    assert.equal(shown, want, `${type} ${total}`);
  }
});
