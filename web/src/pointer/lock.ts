/** The browser's pointer lock (W3C Pointer Lock 2.0): the mouse says how far it moves rather than where it is. Escape frees it. */

export interface LockListener {
  /** The pointer is locked now, or free. */
  changed(locked: boolean): void;
  /** The browser does not lock it: in a frame that may not, or right after it has been freed. */
  refused(): void;
}

export class PointerLock {
  /** raw: whether the mouse's own counts are wanted, without the system's acceleration. */
  constructor(
    private readonly target: HTMLElement,
    private readonly raw: () => boolean,
    private readonly listener: LockListener,
  ) {
    document.addEventListener("pointerlockchange", () => this.listener.changed(this.locked));
  }

  /** Whether there is a mouse, as far as is known, and the browser can lock it. */
  get offered(): boolean {
    const fingers = matchMedia("(any-pointer: coarse)").matches && !matchMedia("(any-pointer: fine)").matches;
    return !fingers && "requestPointerLock" in this.target;
  }

  get locked(): boolean {
    return document.pointerLockElement === this.target;
  }

  /** Locks the pointer; to be called for a gesture of the person. */
  async enter(): Promise<void> {
    if (this.locked || !this.offered) return;
    try {
      if (this.raw() && (await this.ask({ unadjustedMovement: true }))) return;
      if (await this.ask({})) return;
    } catch {
      // Refused, as below.
    }
    this.listener.refused();
  }

  /** Frees the pointer. */
  leave(): void {
    if (this.locked) document.exitPointerLock();
  }

  /** Asks the browser; false if it cannot lock the pointer in this way. */
  private async ask(options: PointerLockOptions): Promise<boolean> {
    try {
      // Older browsers return nothing, ignore the options and tell of a refusal by an event alone.
      const asked = this.target.requestPointerLock(options) as Promise<void> | undefined;
      await (asked ?? this.answered());
      return true;
    } catch (error) {
      if (error instanceof DOMException && error.name === "NotSupportedError") return false;
      throw error;
    }
  }

  private answered(): Promise<void> {
    return new Promise((resolve, reject) => {
      document.addEventListener("pointerlockchange", () => resolve(), { once: true });
      document.addEventListener("pointerlockerror", () => reject(new Error("refused")), { once: true });
    });
  }
}
