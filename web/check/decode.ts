/** What the browser itself can do: decode, and give its clipboard. */

import { fail, ok, warn, type Finding } from "./finding.ts";
import type { Way } from "./way.ts";

/** Codecs as people, WebCodecs and hello name them: constrained baseline H.264, the main profiles of the others. */
const known = [
  { name: "VP8", config: "vp8", hello: "vp8" },
  { name: "H.264", config: "avc1.42e028", hello: "h264" },
  { name: "VP9", config: "vp09.00.40.08", hello: "" },
  { name: "AV1", config: "av01.0.08M.08", hello: "" },
];

/** Asks WebCodecs for a decoder of each codec, for a screen of 1920×1080 (W3C WebCodecs §4). */
export async function checkCodecs(way: Way): Promise<Finding> {
  way.codecs = ["jpeg"];
  if (!("VideoDecoder" in globalThis)) return warn("codecs-missing");
  const has: string[] = [];
  const lacks: string[] = [];
  for (const { name, config, hello } of known) {
    const supported = await decodes(config);
    (supported ? has : lacks).push(name);
    if (supported && hello) way.codecs.push(hello);
  }
  const args = [has.join(", "), lacks.join(", ")];
  if (!has.includes("VP8") && !has.includes("H.264")) return warn("codecs-none", ...args);
  return lacks.length > 0 ? ok("codecs-some", ...args) : ok("codecs-all", ...args);
}

async function decodes(codec: string): Promise<boolean> {
  try {
    const config = { codec, codedWidth: 1920, codedHeight: 1080, optimizeForLatency: true };
    return (await VideoDecoder.isConfigSupported(config)).supported ?? false;
  } catch {
    return false;
  }
}

/** Makes a tile and decodes it, as is done with each where WebCodecs is missing. */
export async function checkJPEG(way: Way): Promise<Finding> {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 512;
  canvas.getContext("2d")?.fillRect(128, 128, 256, 256);
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.8));
  try {
    if (!blob) return fail("jpeg-missing");
    const began = way.clock.now();
    (await createImageBitmap(blob)).close();
    return ok("jpeg-ok", way.clock.now() - began);
  } catch {
    way.codecs = way.codecs.filter((codec) => codec !== "jpeg");
    return fail("jpeg-missing");
  }
}

/** Looks at the permission without asking for it. */
export async function checkClipboard(): Promise<Finding> {
  if (!navigator.clipboard?.writeText) return warn("clipboard-missing");
  let state: PermissionState;
  try {
    state = (await navigator.permissions.query({ name: "clipboard-read" as PermissionName })).state;
  } catch {
    return ok("clipboard-paste"); // a browser without this permission: Firefox, Safari
  }
  if (state === "denied") return warn("clipboard-denied");
  return state === "granted" ? ok("clipboard-ok") : ok("clipboard-ask");
}
