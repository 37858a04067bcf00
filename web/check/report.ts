/** The findings as plain text, to be sent to somebody. */

import type { Finding, Rung } from "./finding.ts";
import type { CheckWords } from "./words.ts";

export interface Circumstances {
  /** When, in ISO 8601. */
  at: string;
  version: string;
  browser: string;
  /** The page's address, without query and fragment. */
  page: string;
}

const PADDING = "       ";

/**
 * Words what was found. Without addresses it names no machine: neither the page's
 * nor what the findings' details tell.
 */
export function report(
  words: CheckWords,
  verdict: string,
  found: ReadonlyMap<Rung, readonly Finding[]>,
  about: Circumstances,
  addresses: boolean,
): string {
  const lines = [
    `Lucarne ${about.version} · ${about.at}`,
    about.browser,
    ...(addresses ? [about.page] : []),
    "",
    verdict,
    "",
  ];
  for (const [rung, findings] of found) {
    for (const finding of findings) {
      lines.push(`[${finding.state}]`.padEnd(PADDING.length) + `${words.rung(rung)}: ${words.found(finding)}`);
      if (addresses && finding.detail) lines.push(PADDING + finding.detail);
      for (const { who, what } of words.remedies(finding)) lines.push(`${PADDING}${who}: ${what}`);
    }
  }
  return lines.join("\n") + "\n";
}
