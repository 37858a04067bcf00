/** The page on the whole screen (Fullscreen API). F11 is the browser's own way, of which pages are not told. */

/** Whether the browser can: a phone's may not, nor a page within another that does not let it. */
export const canFill = (): boolean => document.fullscreenEnabled;

export const fills = (): boolean => document.fullscreenElement !== null;

/** What browsers that lock the keyboard with the page's filling the screen are asked for (Fullscreen API, FullscreenKeyboardLock). */
type Filling = FullscreenOptions & { keyboardLock: "browser" | "none" };

/**
 * Puts the page on the whole screen, or back into its window; to be called for a gesture. keys: the browser's
 * own shortcuts are to go to the page then. false: the browser refuses.
 */
export async function toggleFullscreen(keys = false): Promise<boolean> {
  const filling: Filling = { navigationUI: "hide", keyboardLock: keys ? "browser" : "none" };
  try {
    if (fills()) await document.exitFullscreen();
    else await document.documentElement.requestFullscreen(filling);
    return true;
  } catch {
    return false;
  }
}
