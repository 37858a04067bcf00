/** The keyboard, for the rest of the page. */

export { renewing } from "./keyboard/keyboard.ts";
export { isPaste, platformOf, type Platform } from "./keyboard/stroke.ts";
export { Typing } from "./keyboard/typing.ts";
