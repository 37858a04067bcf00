/** How the pictures are made, in words. */

import { labelOf } from "../codec.ts";
import type { Words } from "../i18n.ts";
import type { Encoding, GPU, Reason } from "../protocol.ts";

/** The codec and the library that encodes it. */
export function wayWords({ codec, encoder }: Encoding): string {
  return encoder ? `${labelOf(codec)} (${encoder})` : labelOf(codec);
}

/** What has given way, and why; "" where nothing has. */
export function limitWords(words: Words, { speed, maxFPS, scale, reason }: Encoding): string {
  const parts = [
    ...(scale === 2 ? [words.say("limits.half")] : scale > 1 ? [words.say("limits.size", words.number(scale))] : []),
    ...(maxFPS > 0 ? [words.say("limits.rate", words.number(maxFPS))] : []),
    ...(speed > 0 ? [words.say("limits.speed")] : []),
  ];
  if (parts.length === 0) return "";
  const list = parts.join(", ");
  if (reason === "slow") return words.say("limits.slow", list);
  return reason === "quota" ? words.say("limits.quota", list) : list;
}

/** Whether there is a GPU that encodes, and if not why and what to do; "" where nothing is known of one. */
export function gpuWords(words: Words, { gpu }: Encoding): string {
  if (!gpu) return "";
  const { what, remedy } = words.reason({ code: `gpu-${gpu.code}`, args: gpu.args });
  return gpu.code === "encodes" ? what : `${what} ${remedy}`;
}

/** How a GPU is, as far as that is known. */
export function useWords(words: Words, { name, memoryUsed, memoryTotal, busy, encoding, sessions, throttled }: GPU): string {
  const gibibytes = (bytes: number) => words.number(bytes / 2 ** 30, 1);
  return [
    name,
    ...(memoryTotal > 0 ? [words.say("gpu.memory", gibibytes(memoryUsed), gibibytes(memoryTotal))] : []),
    ...(busy >= 0 ? [words.say("gpu.busy", words.number(busy))] : []),
    ...(encoding >= 0 ? [words.say("gpu.encoding", words.number(encoding))] : []),
    ...(sessions >= 0 ? [words.say("gpu.sessions", words.number(sessions))] : []),
    ...(throttled === "heat" || throttled === "power" ? [words.say(`gpu.${throttled}`)] : []),
  ].join(" · ");
}

/** Whether a reason of the server's says why no picture comes. */
export function withholds({ code, args }: Reason): boolean {
  if (code === "refused") return args[0] === "video";
  return ["no-codec", "webrtc-no-codec", "webrtc-failed", "encoder-failing"].includes(code);
}

/** A reason with codecs as people call them. */
export function readable({ code, args }: Reason): Reason {
  if (!["encoder-failed", "encoder-replaced", "codec-missing"].includes(code)) return { code, args };
  const alone = code === "encoder-failed" && args.length < 2;
  return { code: alone ? "encoder-failing" : code, args: args.map(labelOf) };
}
