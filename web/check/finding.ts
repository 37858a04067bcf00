/** What the checks find. */

export type State = "ok" | "warn" | "fail" | "skip";

/** The rungs of the ladder, and what they stand on. */
export type Rung =
  | "page"
  | "login"
  | "secure"
  | "codecs"
  | "jpeg"
  | "socket"
  | "trip"
  | "large"
  | "pictures"
  | "udp"
  | "tcp"
  | "turn"
  | "vnc"
  | "clipboard"
  | "stay";

/** Numbers are put into words as the language does. */
export type Argument = string | number;

/** What a rung is found to be. */
export interface Finding {
  state: State;
  /** Names the sentence in the catalogues; its remedies, if it has any, are code.you and code.admin. */
  code: string;
  /** What goes into the sentence and the remedies. Addresses of machines are in detail alone. */
  args: Argument[];
  /** Addresses and names of machines: shown, and told in a report only when asked for. */
  detail?: string;
}

export const ok = (code: string, ...args: Argument[]): Finding => ({ state: "ok", code, args });
export const warn = (code: string, ...args: Argument[]): Finding => ({ state: "warn", code, args });
export const fail = (code: string, ...args: Argument[]): Finding => ({ state: "fail", code, args });
/** It was not looked at, or there is nothing to look at. */
export const skip = (code: string, ...args: Argument[]): Finding => ({ state: "skip", code, args });

/** One thing to look at. A check never fails: that something is missing is what it finds. */
export interface Check {
  rung: Rung;
  run(): Promise<Finding[]>;
}

/** Runs checks one after the other until signal is aborted, and tells of each when it begins and when it has found. */
export async function examine(
  checks: readonly Check[],
  signal: AbortSignal,
  listener: { begun(rung: Rung): void; found(rung: Rung, findings: Finding[]): void },
): Promise<void> {
  for (const { rung, run } of checks) {
    if (signal.aborted) return;
    listener.begun(rung);
    const findings = await run();
    if (signal.aborted) return;
    listener.found(rung, findings);
  }
}

/** How the desktop gets here, in one word of the catalogues: by the best rung that works. */
export function verdict(found: ReadonlyMap<Rung, readonly Finding[]>): "udp" | "turn" | "tcp" | "ws" | "jpeg" | "vnc" | "none" {
  const works = (rung: Rung) => found.get(rung)?.some(({ state }) => state === "ok") ?? false;
  if (works("udp")) return "udp";
  if (works("turn")) return "turn";
  if (works("tcp")) return "tcp";
  if (works("pictures")) return works("codecs") ? "ws" : "jpeg";
  return works("vnc") ? "vnc" : "none";
}
