/** What the rules of the desktop take from the person: it stays in its place, and says why it is of no use. */

import type { Words } from "../i18n.ts";
import type { Feature, Refusal } from "../protocol.ts";
import { write } from "./dialog.ts";

const refusals = ["policy", "audit"] as const satisfies readonly Refusal[];

/** Why features may not be used that the person's role could use; "" where each may be used, or is none for the role. */
export function refusalWords(words: Words, refusal: (feature: Feature) => Refusal | undefined, features: readonly Feature[]): string {
  const lines = refusals.map((why) => {
    const names = features.filter((feature) => refusal(feature) === why).map((feature) => words.feature(feature));
    return names.length > 0 ? words.say(`refusal.${why}`, names.join(", ")) : "";
  });
  return lines.filter((line) => line !== "").join(" ");
}

/**
 * Has a control say to who points at it, or listens, why it is of no use; with "" it is of use, and says its title to
 * who points at it. It keeps its place and the focus.
 */
export function refuse(control: HTMLElement, why: string, title = ""): void {
  control.title = why || title;
  if (why === "") {
    control.removeAttribute("aria-disabled");
    control.removeAttribute("aria-description");
    return;
  }
  control.setAttribute("aria-disabled", "true");
  control.setAttribute("aria-description", why);
}

/** Shows a note while there is something to say. */
export function note(element: HTMLElement, text: string): void {
  write(element, text);
  element.hidden = text === "";
}
