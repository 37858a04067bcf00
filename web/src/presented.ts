/** When the frames of a video are shown. */

import type { Presented } from "./stats.ts";

/** The part of a video element that is used. */
export type Video = EventTarget &
  Pick<HTMLVideoElement, "readyState" | "getVideoPlaybackQuality"> &
  Partial<Pick<HTMLVideoElement, "requestVideoFrameCallback">>;

/** HTMLMediaElement.HAVE_CURRENT_DATA: there is a frame to show. */
const HAVE_FRAME = 2;

/**
 * Tells of each frame that a video shows, for as long as the page lives. Where
 * the browser does not (Firefox before 132), frames are counted a few times a
 * second: their number is right then, their times are when they were counted.
 */
export function watchFrames(video: Video, now: () => number, presented: (frame: Presented) => void): void {
  if (video.requestVideoFrameCallback) {
    video.requestVideoFrameCallback(function shown(_, frame) {
      video.requestVideoFrameCallback?.(shown);
      presented(frame);
    });
    return;
  }
  let before = 0;
  const count = (event: Event) => {
    if (video.readyState < HAVE_FRAME) return;
    const total = video.getVideoPlaybackQuality().totalVideoFrames;
    // The beginning of a stream is a frame also where they are not counted, and their count may begin anew.
    const news = event.type === "timeupdate" ? total - before : Math.max(1, total - before);
    before = total;
    for (let frame = 0; frame < news; frame++) presented({ presentationTime: now() });
  };
  for (const type of ["loadeddata", "playing", "timeupdate"]) video.addEventListener(type, count);
}
