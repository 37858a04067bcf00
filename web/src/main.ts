import { makeApp } from "./app.ts";
import { opener, takeToken } from "./http.ts";
import { Words } from "./i18n.ts";
import { readOptions, type Options } from "./options.ts";
import type { Stats } from "./stats.ts";
import { pageVersion } from "./version.ts";

declare global {
  interface Window {
    /** For measurements and tests; see README.md. */
    lucarne: { readonly version: string; stats(): Stats };
  }
}

const options = readOptions(location.search, navigator.languages);
if (options.transport === "vnc") location.replace(new URL(`vnc/${location.search}${location.hash}`, document.baseURI));
else await begin(options);

async function begin(options: Options): Promise<void> {
  // First of all, so that the token is in the address bar for as short as can be.
  const token = takeToken(location, history);
  const open = opener(document.baseURI, token === "");
  const version = pageVersion(document);
  const app = makeApp(new Words(options.language), options, version, open);
  window.lucarne = { version, stats: () => app.stats() };
  await app.start(token);
}
