/** Which layout the person's keyboard has, as far as the browser tells. */

import { contradicts, match, usual } from "./layouts.ts";
import { plainOf, type KeyStroke } from "./stroke.ts";

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
   * Learns from a stroke. The browser is asked again by one that contradicts it:
   * it does not tell when the person has chosen another layout.
   */
  see(stroke: KeyStroke): void {
    const character = plainOf(stroke);
    if (!character) return;
    if (!this.found.sure) this.learn(stroke.code, character);
    else if (contradicts(this.found.layout, stroke.code, character)) void this.ask();
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
