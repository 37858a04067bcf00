/** What the settings panel offers: which settings, in which order, with which values, and what keeps one from being chosen. */

import type { Codec } from "../codec.ts";
import type { Key, Words } from "../i18n.ts";
import type { Encoding, Feature } from "../protocol.ts";
import type { Settings } from "../settings.ts";

export type Name = keyof Settings;
export type Value = string | number;

/** A setting with its values, from which one is chosen; without them it is on or off. */
export interface Row {
  name: Name;
  values?: readonly Value[];
  /** What is said below it: nothing, a text, or one for each value. */
  help: "none" | "one" | "each";
}

export interface Group {
  id: "picture" | "screen" | "keyboard" | "pointer" | "clipboard" | "page";
  rows: readonly Row[];
}

const Mbit = 1_000_000;

export const groups: readonly Group[] = [
  {
    id: "picture",
    rows: [
      { name: "codec", values: ["", "h264", "vp8", "h264-444"], help: "each" },
      { name: "bitrate", values: [0, 50 * Mbit, 20 * Mbit, 10 * Mbit, 5 * Mbit, 2 * Mbit, Mbit], help: "one" },
      { name: "maxFPS", values: [0, 30, 15, 5], help: "one" },
      { name: "transport", values: ["auto", "ws", "webrtc"], help: "one" },
    ],
  },
  {
    id: "screen",
    rows: [
      { name: "resize", values: ["remote", "scale", "off"], help: "each" },
      { name: "dpi", help: "one" },
    ],
  },
  {
    id: "keyboard",
    rows: [
      { name: "keyboard", values: ["auto", "physical", "text"], help: "each" },
      { name: "layout", values: ["", "us", "gb", "fr", "ca", "de", "it", "es", "ch", "ch fr", "jp"], help: "none" },
      { name: "command", values: ["ctrl", "super"], help: "none" },
      { name: "lock", help: "one" },
    ],
  },
  { id: "pointer", rows: [{ name: "raw", help: "one" }] },
  {
    id: "clipboard",
    rows: [
      { name: "clipboard", help: "one" },
      { name: "primary", help: "one" },
    ],
  },
  {
    id: "page",
    rows: [
      { name: "language", values: ["", "en", "fr"], help: "none" },
      { name: "theme", values: ["", "light", "dark"], help: "none" },
      { name: "stats", help: "none" },
    ],
  },
];

/** What a value is called. */
export function valueWords(words: Words, name: Name, value: Value): string {
  if (name === "bitrate" && value) return words.say("settings.bitrate.value", words.number(Number(value) / Mbit, Number(value) % Mbit ? 1 : 0));
  if (name === "maxFPS" && value) return words.say("settings.maxFPS.value", words.number(Number(value)));
  const key = valueKey(name, value);
  return words.knows(key) ? words.say(key) : String(value);
}

/** What stands for the choice to be made by the page: with it, what that is now. */
export function automatic(words: Words, name: Name, { keyboard }: Offer): string {
  if (name !== "layout" || !keyboard.layout) return valueWords(words, name, "");
  return words.say("settings.layout.found", valueWords(words, "layout", keyboard.layout));
}

/** What is said below a setting that has this value. */
export function helpWords(words: Words, { name, help }: Row, value: Settings[Name]): string {
  if (help === "none") return "";
  const key = help === "one" ? `settings.${name}.do` : `${valueKey(name, value as Value)}.do`;
  return words.knows(key) ? words.say(key) : "";
}

const valueKey = (name: Name, value: Value): string => `settings.${name}.${value || "auto"}`;

/** What the server lets the person do, and how it does it. */
export interface Offer {
  allow: readonly Feature[];
  /** The person may only look. */
  watching: boolean;
  /** The server shares PRIMARY. */
  primary: boolean;
  /** The codecs that the server encodes; null where it does not say. */
  encodes: readonly Codec[] | null;
  /** Those that this browser decodes. */
  decodes: readonly Codec[];
  /** How the pictures are made; null while that is not known. */
  encoding: Encoding | null;
  /** The layout of the person's keyboard, chosen or detected, "" unknown, and whether its keys count by their place. */
  keyboard: { layout: string; mode: "physical" | "text" };
}

/** What the browser can do. */
export interface Abilities {
  webrtc: boolean;
  /** It can take pictures off the socket. */
  socket: boolean;
  /** It can hand its own shortcuts over. */
  lock: boolean;
  /** It can hand the pointer over. */
  pointer: boolean;
  /** Its keyboard has ⌘. */
  mac: boolean;
}

/** Why a setting cannot be chosen at all; null where it can. */
export function denied(name: Name, { allow, watching, primary }: Offer, browser: Abilities): Key | null {
  const needs = (...features: Feature[]) =>
    watching ? "settings.denied.watching" : features.some((feature) => allow.includes(feature)) ? null : "settings.denied.policy";
  switch (name) {
    case "bitrate":
    case "maxFPS":
      return needs("limits");
    case "dpi":
      return needs("resize");
    case "keyboard":
    case "layout":
    case "command":
      return needs("keyboard");
    case "lock":
      return needs("keyboard") ?? (browser.lock ? null : "settings.denied.browser");
    case "raw":
      return needs("pointer") ?? (browser.pointer ? null : "settings.denied.browser");
    case "clipboard":
      return needs("copy-in", "copy-out");
    case "primary":
      return needs("copy-out") ?? (primary ? null : "settings.denied.primary");
    default:
      return null;
  }
}

/** Why one value of a setting cannot be chosen, as words with a place for its name; null where it can. */
export function missing(name: Name, value: Value, { allow, watching, encodes, decodes }: Offer, browser: Abilities): Key | null {
  switch (`${name} ${value}`) {
    case "transport ws":
      return browser.socket ? null : "settings.missing.browser";
    case "transport webrtc":
      return browser.webrtc ? null : "settings.missing.browser";
    case "resize remote":
      return !watching && allow.includes("resize") ? null : "settings.missing.policy";
  }
  if (name !== "codec" || !value) return null;
  if (encodes && !encodes.includes(value as Codec)) return "settings.missing.server";
  return decodes.includes(value as Codec) ? null : "settings.missing.browser";
}

/** Whether a setting has any meaning on this machine. */
export const meaningful = (name: Name, { mac }: Abilities): boolean => name !== "command" || mac;
