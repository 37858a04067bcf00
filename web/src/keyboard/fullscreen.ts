/** The browser's own shortcuts, for the desktop while the page fills the screen (W3C Keyboard Lock). */

/** The browser's keyboard; Chromium alone can lock it, on pages that came by HTTPS. */
export interface LockableKeyboard {
  lock?(): Promise<void>;
  unlock?(): void;
}

/** Whether the browser can let the desktop have all keys. */
export function canLock(keyboard: LockableKeyboard | undefined): boolean {
  return typeof keyboard?.lock === "function";
}

export class FullscreenKeys {
  private locked = false;

  /** wanted: the person wants even Ctrl+W and Alt+Tab to go to the desktop. */
  constructor(
    private readonly keyboard: LockableKeyboard | undefined,
    private readonly wanted: () => boolean,
  ) {}

  /** To be called when the page has come to fill the screen or does so no longer, and when what is wanted changes. */
  update(full: boolean): void {
    const lock = full && this.wanted();
    if (lock === this.locked) return;
    this.locked = lock;
    if (!lock) this.keyboard?.unlock?.();
    // Refused where the page is inside another: the browser keeps its keys then.
    else this.keyboard?.lock?.().catch(() => (this.locked = false));
  }
}
