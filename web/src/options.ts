/** What the page's URL asks for: ?resize=&codec=&transport=&stats=&lang= */

import { readSettings, type Settings } from "./settings.ts";

export interface Options {
  /** The settings that it asks for. */
  settings: Partial<Settings>;
  /** It asks for the page that shows VNC. */
  vnc: boolean;
}

/** Reads the query; unknown values are as if absent. */
export function readOptions(query: string): Options {
  const params = new URLSearchParams(query);
  const { codec, stats, ...rest } = Object.fromEntries(params);
  return {
    settings: readSettings({
      resize: rest.resize,
      codec: codec === "auto" ? "" : codec || undefined,
      transport: rest.transport,
      stats: { 0: false, 1: true }[stats ?? ""],
      language: rest.lang?.toLowerCase().split("-")[0] || undefined,
    }),
    vnc: rest.transport === "vnc",
  };
}
