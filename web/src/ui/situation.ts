/** How things are, and what is said of it. */

import type { LinkState } from "../connection.ts";
import type { Words } from "../i18n.ts";
import type { Rung } from "../ladder.ts";
import { obstacleOf } from "../processes.ts";
import type { Control, DisplayMessage, Process, Reason } from "../protocol.ts";
import type { Path } from "../stats.ts";
import { waiting, type View } from "./card.ts";
import type { Offer } from "./choices.ts";
import { nameOf } from "./people.ts";
import type { Route } from "./route.ts";

export interface Situation {
  /** The page's time in ms. */
  now: number;
  link: LinkState;
  display: DisplayMessage | null;
  /** What keeps the desktop running, as far as it is told. */
  processes: readonly Process[];
  /** The path that is seen, and whether it works. */
  shown: Rung;
  media: RTCPeerConnectionState;
  /** How WebRTC gets through. */
  path: Path;
  /** A picture of this connection has been shown. */
  pictured: boolean;
  /** Why it is this path, if that needs words; also why there is no picture. */
  why: Reason | null;
  /** What can be chosen, and what is in use. */
  offer: Offer;
  /** The person may only look. */
  watching: boolean;
  /** The person is in control. */
  leading: boolean;
  /** Who is; null while that is not known. */
  control: Control | null;
}

/** The state in one word, for the style sheet and for tests: html[data-state]. */
export type State =
  | "connecting"
  | "waiting"
  | "login"
  | "ended"
  | "starting"
  | "failed"
  | "gone"
  | "picture"
  | "repairing"
  | "connected";

export function stateOf({ link, display, media, pictured }: Situation): State {
  if (link.name === "resuming") return "repairing";
  if (link.name !== "open") return link.name;
  if (display && display.state !== "up") return display.state;
  if (!pictured) return "picture";
  return media === "connected" ? "connected" : "repairing";
}

/** What the card says, "login" for the sign-in form, null where nothing stands between person and desktop. told: why no picture comes, as the server has told. */
export function viewOf(words: Words, { link, display, processes, pictured, why, now }: Situation, told: Reason | null): View | "login" | null {
  switch (link.name) {
    case "connecting":
      return { title: words.say("state.connecting"), busy: true };
    case "resuming":
      return null;
    case "waiting":
      return { ...waiting(words, link, now), vnc: link.reason !== null };
    case "login":
      return "login";
    case "ended":
      return { title: words.say("state.ended"), ...words.reason(link.reason), reconnect: true };
  }
  if (display && display.state !== "up") {
    const { state } = display;
    const { what, remedy } = words.reason(display);
    return {
      title: words.say(`display.${state}`),
      busy: state !== "failed",
      what,
      remedy: remedy || words.say(`display.${state}.do`),
      processes,
    };
  }
  if (obstacleOf(processes)) {
    return { title: words.say("process.ended"), busy: true, remedy: words.say("process.ended.do"), processes };
  }
  if (pictured) return null;
  const obstacle = why && why.code !== "path-pinned" ? why : told;
  if (obstacle) return { title: words.say("state.picture"), ...words.reason(obstacle), reconnect: true, vnc: true };
  return { title: words.say("state.picture"), busy: true };
}

/** What the toolbar says of the connection. */
export function barOf(words: Words, situation: Situation): { text: string; tone: "good" | "busy" | "bad" } {
  const state = stateOf(situation);
  const { shown, path, watching, leading, control } = situation;
  switch (state) {
    case "connected":
      if (watching) return { text: watchingWords(words, control), tone: "good" };
      return { text: leading ? pathWords(words, shown, path) : words.say("state.controlled"), tone: "good" };
    case "waiting":
      return { text: words.say("state.unconnected"), tone: "busy" };
    case "repairing":
    case "picture":
      return { text: words.say(`state.${state}`), tone: "busy" };
    case "ended":
      return { text: words.say("state.ended"), tone: "bad" };
    case "failed":
    case "gone":
      return { text: words.say(`display.${state}`), tone: "bad" };
    default:
      return { text: words.say("state.connecting"), tone: "busy" };
  }
}

/** What is said to who only looks. */
function watchingWords(words: Words, control: Control | null): string {
  if (!control?.viewer) return words.say("state.watching");
  return words.say("state.watching.of", nameOf(words, { you: false, name: control.name, role: control.as, lent: false }));
}

/** A path in words. */
export function pathWords(words: Words, shown: Rung, path: Path): string {
  if (shown === "ws") return words.say("state.ws");
  return words.say(path === "" ? "state.webrtc" : `state.webrtc.${path}`);
}

/** By which path the picture comes, and why. */
export function routeOf(words: Words, { shown, path, why, pictured }: Situation): Route {
  const usual = shown === "ws" ? "route.trying" : "route.best";
  const { what, remedy } = why ? words.reason(why) : { what: words.say(usual), remedy: words.say(`${usual}.do`) };
  return { path: pictured ? pathWords(words, shown, path) : words.say("state.picture"), why: what, remedy };
}
