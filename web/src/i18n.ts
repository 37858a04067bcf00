/** The page's words, in the viewer's language. */

import type { Catalogue, Key } from "./en.ts";
import type { Reason } from "./protocol.ts";

export type { Key } from "./en.ts";
export type Language = "en" | "fr";

/** Fetches the words of a language; rejects where they cannot be had. */
export async function catalogueOf(language: Language): Promise<Catalogue> {
  return language === "fr" ? (await import("./fr.ts")).fr : (await import("./en.ts")).en;
}

/** The first of the wished languages (BCP 47 tags, best first) that there are words in; else English. */
export function pickLanguage(wished: readonly string[]): Language {
  for (const tag of wished) {
    const language = tag.toLowerCase().split("-")[0];
    if (language === "en" || language === "fr") return language;
  }
  return "en";
}

export class Words {
  /** The language, and its words. */
  constructor(
    readonly language: Language,
    private readonly catalogue: Catalogue,
  ) {}

  /** The words of a key, its arguments filled in. */
  say(key: Key, ...args: string[]): string {
    return this.catalogue[key].replace(/\{(\d)\}/g, (_, index: string) => args[Number(index)] ?? "");
  }

  /** A number with so many decimals. */
  number(value: number, decimals = 0): string {
    return value.toLocaleString(this.language, {
      minimumFractionDigits: decimals,
      maximumFractionDigits: decimals,
    });
  }

  /** What has happened and what to do about it; "" for no code at all. */
  reason({ code, args }: Reason): { what: string; remedy: string } {
    if (code === "") return { what: "", remedy: "" };
    const key = `code.${code}`;
    const remedy = `${key}.do`;
    if (this.knows(key) && this.knows(remedy)) {
      const named = code === "refused" ? args.map((feature) => this.feature(feature)) : args;
      return { what: this.say(key, ...named), remedy: this.say(remedy, ...named) };
    }
    const detail = [code, ...args].join(" ");
    return { what: this.say("code.unknown", detail), remedy: this.say("code.unknown.do") };
  }

  /** What a policy may refuse, by the server's name. */
  feature(name: string): string {
    const key = `feature.${name}`;
    return this.knows(key) ? this.say(key) : name;
  }

  /** Whether there are words for a key. */
  knows(key: string): key is Key {
    return Object.hasOwn(this.catalogue, key);
  }
}
