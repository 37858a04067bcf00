/** Which layout the person's keyboard has, as far as the browser tells. */

import { contradicts, match, usual } from "./layouts.ts";
import { characterOf, type KeyStroke } from "./stroke.ts";

/** The browser's keyboard (W3C Keyboard Map): Chromium has it, on pages that came by HTTPS. */
export interface KeyboardMap extends Partial<EventTarget> {
  getLayoutMap?(): Promise<ReadonlyMap<string, string>>;
}

export interface Detected {
  /** As XKB names it, the variant behind a space; "" unknown. */
  layout: string;
  /** Whether the browser says so; else it is a guess. */
  sure: boolean;
}

/** A map of fewer keys says too little. */
const ENOUGH = 20;
/** On how many keys the systems' layouts of one name may differ. */
const TOLERATED = 1;

export class LayoutDetector {
  private found: Detected;
  /** What keys type, by their code. */
  private seen = new Map<string, string>();
  private readonly preferred: string[];
  private asking = false;
  private begun = false;

  /** languages are those that the person reads; changed is called when another layout has been found. */
  constructor(
    private readonly map: KeyboardMap | undefined,
    languages: readonly string[],
    private readonly changed: () => void,
  ) {
    this.preferred = usual(languages);
    this.found = { layout: match(this.seen, this.preferred).layout, sure: false };
  }

  get value(): Detected {
    return this.found;
  }

  /** Whether the browser has not answered for the first time. */
  get pending(): boolean {
    return !this.begun;
  }

  /** Asks the browser, now and whenever it says that the layout has changed. */
  async start(): Promise<void> {
    this.map?.addEventListener?.("layoutchange", () => void this.ask());
    await this.ask();
    this.begun = true;
    this.changed();
  }

  /**
   * Learns from a stroke; false: it contradicts the layout found, and says for
   * itself what it types. The browser is asked again then, as it does not tell
   * when the person has chosen another layout.
   */
  fits(stroke: KeyStroke): boolean {
    const character = plain(stroke);
    if (!character) return true;
    const fits = !contradicts(this.found.layout, stroke.code, character);
    if (this.found.sure) {
      if (!fits) void this.ask();
    } else this.learn(stroke.code, character);
    return fits;
  }

  private async ask(): Promise<void> {
    if (this.asking || !this.map?.getLayoutMap) return;
    this.asking = true;
    try {
      const map = new Map(await this.map.getLayoutMap());
      const { layout, misses } = match(map, this.preferred);
      this.seen = map;
      this.find({ layout, sure: map.size >= ENOUGH && misses <= TOLERATED });
    } catch {
      // A frame that may not know: what is typed tells.
    } finally {
      this.asking = false;
    }
  }

  private learn(code: string, character: string): void {
    const before = this.seen.get(code);
    if (before === character) return;
    if (before !== undefined) this.seen.clear(); // Another layout than so far.
    this.seen.set(code, character);
    this.find({ layout: match(this.seen, this.preferred).layout, sure: false });
  }

  private find(found: Detected): void {
    const { layout, sure } = this.found;
    this.found = found;
    if (layout !== found.layout || sure !== found.sure) this.changed();
  }
}

/** What a stroke types without a modifier; "" where that cannot be told. */
function plain(stroke: KeyStroke): string {
  const character = characterOf(stroke);
  if (!/^(Key|Digit|Bracket|Intl|Semicolon|Quote|Back|Minus|Equal|Comma|Period|Slash)/.test(stroke.code)) return "";
  const altered = ["Control", "Alt", "AltGraph", "Meta"].some((name) => stroke.getModifierState(name));
  const cased = stroke.getModifierState("Shift") || stroke.getModifierState("CapsLock");
  // A capital letter has its small one on the same key, if that is not a digit's.
  if (altered || (cased && !/^[a-z]$/i.test(character))) return "";
  return character.toLowerCase();
}
