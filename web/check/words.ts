/** The words that this page has beside the others'. */

import { VNCWords } from "../vnc/words.ts";
import { en, type Key } from "./en.ts";
import type { Argument, Finding, Rung } from "./finding.ts";
import { fr } from "./fr.ts";

export type { Key } from "./en.ts";

export const catalogues = { en, fr } as const;

/** Findings whose argument is a code of the server's. */
const CODED = ["socket-bye", "vnc-closed"];

export class CheckWords extends VNCWords {
  /** A word of this page's own. */
  tell(key: Key, ...args: string[]): string {
    return fill(catalogues[this.language][key], args);
  }

  rung(rung: Rung): string {
    return this.tell(`rung.${rung}`);
  }

  /** What was found, in one sentence. */
  found({ code, args }: Finding): string {
    const filled = CODED.includes(code) ? args.map((arg) => this.reason({ code: String(arg), args: [] }).what) : this.set(args);
    return fill(this.look(`found.${code}`) ?? code, filled);
  }

  /** What to change, by whom; nothing where nothing is to be changed. */
  remedies({ code, args }: Finding): { who: string; what: string }[] {
    return (["you", "admin"] as const).flatMap((who) => {
      const what = this.look(`${code}.${who}`);
      return what === undefined ? [] : [{ who: this.tell(who), what: fill(what, this.set(args)) }];
    });
  }

  /** Numbers below ten have a decimal, if they are not whole. */
  private set(args: readonly Argument[]): string[] {
    return args.map((arg) => (typeof arg === "string" ? arg : this.number(arg, arg < 9.95 && !Number.isInteger(arg) ? 1 : 0)));
  }

  private look(key: string): string | undefined {
    const catalogue: Record<string, string> = catalogues[this.language];
    return Object.hasOwn(catalogue, key) ? catalogue[key] : undefined;
  }
}

const fill = (text: string, args: readonly string[]): string => text.replace(/\{(\d)\}/g, (_, index: string) => args[Number(index)] ?? "");
