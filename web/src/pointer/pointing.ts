/** The person's mouse, pen and fingers put together. */

import type { Clock } from "../clock.ts";
import type { CursorMessage } from "../protocol.ts";
import type { Screen } from "../screen.ts";
import type { SettingsStore } from "../settings.ts";
import type { InputEvent } from "../wire.ts";
import { Arrow } from "./arrow.ts";
import { Cursors } from "./cursor.ts";
import { PointerLock } from "./lock.ts";
import { Pointer } from "./pointer.ts";

export interface PointingListener {
  /** An event for the desktop; false when it has been dropped. */
  send(event: InputEvent): boolean;
  /** The browser has refused to lock the pointer. */
  refused(): void;
  /** The desktop is to say where its pointer is. */
  lost(): void;
  /** A program wants the mouse rather than a pointer: it has hidden the one that is dragged. Told once. */
  wanted(): void;
}

export class Pointing {
  readonly pointer: Pointer;
  readonly arrow: Arrow;
  readonly lock: PointerLock;
  private readonly cursors = new Cursors();
  private told = false;

  constructor(
    clock: Clock,
    screen: Screen,
    store: SettingsStore,
    private readonly listener: PointingListener,
  ) {
    this.pointer = new Pointer(clock, (event) => listener.send(event));
    this.arrow = new Arrow(clock, screen, drawing(screen.stage), () => listener.lost());
    this.lock = new PointerLock(screen.stage, () => store.value.raw, {
      changed: (locked) => {
        this.pointer.locked = locked;
        this.arrow.lock(locked ? this.pointer.position : null);
      },
      refused: () => listener.refused(),
    });
  }

  /** The desktop's pointer looks otherwise. */
  look(message: CursorMessage): void {
    const picture = this.cursors.take(message);
    this.arrow.told(message);
    if (!picture) return;
    this.arrow.show(picture);
    if (picture.image !== "" || !this.pointer.holding || this.lock.locked || !this.lock.offered || this.told) return;
    this.told = true;
    this.listener.wanted();
  }

  /** Locks the pointer, or frees it. */
  toggleLock(): void {
    if (this.lock.locked) this.lock.leave();
    else void this.lock.enter();
  }

  /** Another viewer begins: its pointer has not moved, and it is told all cursors anew. */
  welcome(): void {
    this.cursors.reset();
    this.pointer.reset();
  }
}

/** What the pointer is drawn with where the browser does not show it. */
function drawing(stage: HTMLElement): HTMLImageElement {
  const image = document.createElement("img");
  image.className = "arrow";
  image.alt = "";
  image.hidden = true;
  stage.append(image);
  return image;
}
