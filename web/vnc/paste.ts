/**
 * Holds keys back while the desktop gets the browser's clipboard: a paste has to
 * find there what the person has copied. The keys go on in their order.
 */

export class PasteGate {
  private waiting: KeyboardEvent[] | null = null;

  /** beforePaste resolves when the desktop has the browser's clipboard. */
  constructor(private readonly beforePaste: () => Promise<void>) {}

  /**
   * Takes a key before the desktop does. paste: it asks a program to paste; its
   * default action, the paste event, tells the clipboard and is let happen.
   */
  take(event: KeyboardEvent, paste: boolean): void {
    if (!event.isTrusted || (!paste && !this.waiting)) return; // let go by ourselves, or nothing to wait for
    event.stopImmediatePropagation();
    if (!paste) event.preventDefault();
    if (this.waiting) {
      this.waiting.push(event);
      return;
    }
    this.waiting = [event];
    void this.beforePaste().then(() => this.release());
  }

  /** Forgets the keys that wait. What the desktop has held since before is let go. */
  drop(): void {
    this.waiting = this.waiting?.filter(({ type }) => type === "keyup") ?? null;
    this.release();
  }

  private release(): void {
    const events = this.waiting ?? [];
    this.waiting = null;
    for (const event of events) event.target?.dispatchEvent(new KeyboardEvent(event.type, event));
  }
}
