/** What the page's URL asks for: ?resize=&codec=&transport=&stats=&lang= */

import { readCodec, type Codec } from "./codec.ts";
import type { ResizeMode } from "./geometry.ts";
import { pickLanguage, type Language } from "./i18n.ts";

export interface Options {
  resize: ResizeMode;
  /** The codec to prefer; "" for the server's choice. */
  codec: Codec | "";
  /** The only path of the picture; "auto" for the best; "vnc" for the page that shows VNC. */
  transport: "auto" | "ws" | "webrtc" | "vnc";
  stats: boolean;
  language: Language;
}

/** Reads the query; unknown values are as if absent. */
export function readOptions(query: string, languages: readonly string[]): Options {
  const params = new URLSearchParams(query);
  const resize = params.get("resize");
  const transport = params.get("transport");
  return {
    resize: resize === "scale" || resize === "off" ? resize : "remote",
    codec: readCodec(params.get("codec") ?? ""),
    transport: transport === "ws" || transport === "webrtc" || transport === "vnc" ? transport : "auto",
    stats: params.get("stats") === "1",
    language: pickLanguage([params.get("lang") ?? "", ...languages]),
  };
}
