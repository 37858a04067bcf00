/** Files that are dropped on the page. */

import { filesOf } from "./files.ts";

export interface Drop {
  /** Whether files may come now. */
  may(): boolean;
  /** Whether they may not come though they could, which is to be said. */
  refused(): boolean;
  /** Files hang over the page, or do not any more. */
  over(hanging: boolean): void;
  /** Files have come; left: so many directories among them have not. */
  dropped(files: File[], left: number): void;
}

/** Takes files that are dropped anywhere on the page, which would otherwise go away for them. */
export function listenForDrops(drop: Drop): void {
  let depth = 0; // of the elements that the pointer is in: each reports its own coming and going
  const holds = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;
  const over = (change: number) => {
    const before = depth > 0;
    depth = Math.max(0, depth + change);
    if (depth > 0 !== before) drop.over(depth > 0 && (drop.may() || drop.refused()));
  };
  addEventListener("dragenter", (event) => holds(event) && over(1));
  addEventListener("dragleave", (event) => holds(event) && over(-1));
  addEventListener("dragover", (event) => {
    if (!holds(event)) return;
    event.preventDefault();
    if (event.dataTransfer) event.dataTransfer.dropEffect = drop.may() ? "copy" : "none";
  });
  addEventListener("drop", (event) => {
    if (!holds(event)) return;
    event.preventDefault();
    over(-depth);
    if (!drop.may() || !event.dataTransfer) return;
    const { files, left } = filesOf(event.dataTransfer);
    drop.dropped(files, left);
  });
}
