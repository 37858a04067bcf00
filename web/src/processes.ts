/** The processes that keep the desktop running. */

import type { Process } from "./protocol.ts";

/** Whether it does not work, or has not since it failed. */
export const failing = ({ state, error }: Process) => error !== "" && state !== "ready" && state !== "stopped";

/** Without which nothing is to be seen, although the display is up. */
export function obstacleOf(processes: readonly Process[]): Process | null {
  return processes.find((process) => process.needed && failing(process)) ?? null;
}

/** Those that the desktop gets on without, and that do not work. */
export function lackingOf(processes: readonly Process[]): Process[] {
  return processes.filter((process) => !process.needed && failing(process));
}
