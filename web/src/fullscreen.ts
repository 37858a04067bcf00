/** The page on the whole screen (Fullscreen API). F11 is the browser's own way, of which pages are not told. */

/** Whether the browser can: a phone's may not, nor a page within another that does not let it. */
export const canFill = (): boolean => document.fullscreenEnabled;

export const fills = (): boolean => document.fullscreenElement !== null;

/** Puts the page on the whole screen, or back into its window; to be called for a gesture. false: the browser refuses. */
export async function toggleFullscreen(): Promise<boolean> {
  try {
    if (fills()) await document.exitFullscreen();
    else await document.documentElement.requestFullscreen({ navigationUI: "hide" });
    return true;
  } catch {
    return false;
  }
}
