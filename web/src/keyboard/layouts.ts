/** The keyboard layouts that both the page and the desktop know, and how one is told by what its keys type. */

/** The keys of a layout's four rows, by KeyboardEvent.code. */
const keys = [
  "Backquote Digit1 Digit2 Digit3 Digit4 Digit5 Digit6 Digit7 Digit8 Digit9 Digit0 Minus Equal",
  "KeyQ KeyW KeyE KeyR KeyT KeyY KeyU KeyI KeyO KeyP BracketLeft BracketRight",
  "KeyA KeyS KeyD KeyF KeyG KeyH KeyJ KeyK KeyL Semicolon Quote Backslash",
  "IntlBackslash KeyZ KeyX KeyC KeyV KeyB KeyN KeyM Comma Period Slash",
].map((row) => row.split(" "));

/**
 * What the rows type without a modifier, a dead key its accent alone, as in
 * xkeyboard-config. A space: nothing, or not the same everywhere.
 */
const rows: Record<string, string[]> = {
  us: ["`1234567890-=", "qwertyuiop[]", "asdfghjkl;'\\", " zxcvbnm,./"],
  gb: ["`1234567890-=", "qwertyuiop[]", "asdfghjkl;'#", "\\zxcvbnm,./"],
  fr: ["²&é\"'(-è_çà)=", "azertyuiop^$", "qsdfghjklmù*", "<wxcvbn,;:!"],
  ca: ["#1234567890-=", "qwertyuiop^¸", "asdfghjkl;`<", "«zxcvbnm,.é"],
  de: ["^1234567890ß´", "qwertzuiopü+", "asdfghjklöä#", "<yxcvbnm,.-"],
  it: ["\\1234567890'ì", "qwertyuiopè+", "asdfghjklòàù", "<zxcvbnm,.-"],
  es: ["º1234567890'¡", "qwertyuiop`+", "asdfghjklñ´ç", "<zxcvbnm,.-"],
  ch: ["§1234567890'^", "qwertzuiopü¨", "asdfghjklöä$", "<yxcvbnm,.-"],
  "ch fr": ["§1234567890'^", "qwertzuiopè¨", "asdfghjkléà$", "<yxcvbnm,.-"],
  jp: [" 1234567890-^", "qwertyuiop@[", "asdfghjkl;:]", " zxcvbnm,./"],
};

/** The layouts, as XKB names them, the variant behind a space. */
export const layouts: readonly string[] = Object.keys(rows);

const tables = new Map(layouts.map((name) => [name, table(rows[name] ?? [])]));

function table(typed: string[]): ReadonlyMap<string, string> {
  const characters = typed.map((row) => [...row]);
  const pairs = keys.flatMap((row, r) => row.map((code, i) => [code, characters[r]?.[i] ?? " "] as const));
  return new Map(pairs.filter(([, character]) => character !== " "));
}

/** Accents as browsers name those of dead keys: combining (U+0300 on), or by themselves. */
const accents = new Map([
  ["\u0300", "`"], ["\u0301", "´"], ["\u0302", "^"], ["\u0303", "~"], ["\u0308", "¨"], ["\u0327", "¸"],
]);

const normal = (character: string): string => accents.get(character) ?? character.toLowerCase();

/** Whether a layout types something else with a key, without a modifier, than this character. */
export function contradicts(layout: string, code: string, character: string): boolean {
  const known = tables.get(layout)?.get(code);
  return known !== undefined && known !== normal(character);
}

/**
 * The layout that what keys have typed contradicts the least, and how often it
 * does. Of several it is the first of those preferred, else of all; "" where one
 * key in four or more contradicts each, and where nothing has been typed and none
 * is preferred.
 */
export function match(typed: ReadonlyMap<string, string>, preferred: readonly string[]): { layout: string; misses: number } {
  if (typed.size === 0) return { layout: preferred[0] ?? "", misses: 0 };
  let best = { layout: "", misses: Infinity };
  for (const layout of [...preferred, ...layouts]) {
    const misses = [...typed].filter(([code, character]) => contradicts(layout, code, character)).length;
    if (misses < best.misses) best = { layout, misses };
  }
  return best.misses * 4 < typed.size ? best : { ...best, layout: "" };
}

/** The layouts that people who read these languages (BCP 47) are likely to have, likeliest first. */
export function usual(languages: readonly string[]): string[] {
  const likely = languages.map((tag) => {
    const [language = "", region = ""] = tag.split("-");
    return byLanguage.get(`${language}-${region.toUpperCase()}`) ?? byLanguage.get(language) ?? "";
  });
  return [...new Set(likely.filter((layout) => layout !== ""))];
}

const byLanguage = new Map([
  ["en", "us"], ["en-GB", "gb"], ["en-IE", "gb"],
  ["fr", "fr"], ["fr-CA", "ca"], ["fr-CH", "ch fr"],
  ["de", "de"], ["de-CH", "ch"], ["de-LI", "ch"], ["gsw", "ch"],
  ["it", "it"], ["it-CH", "ch fr"],
  ["es", "es"], ["ja", "jp"],
]);
