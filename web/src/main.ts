import { App } from "./app.ts";
import { browserClipboard } from "./clipboard.ts";
import { opener, takeToken } from "./http.ts";
import { pickLanguage, Words } from "./i18n.ts";
import { platformOf } from "./keyboard.ts";
import { readOptions } from "./options.ts";
import { findPage } from "./page.ts";
import { browserStorage, SettingsStore } from "./settings.ts";
import type { Stats } from "./stats.ts";
import { pageVersion } from "./version.ts";

declare global {
  interface Window {
    /** For measurements and tests; see README.md. */
    lucarne: { readonly version: string; stats(): Stats };
  }
}

const options = readOptions(location.search);
if (options.vnc) location.replace(new URL(`vnc/${location.search}${location.hash}`, document.baseURI));
else await begin(new SettingsStore(browserStorage(), options.settings, platformOf(navigator) === "mac"));

async function begin(store: SettingsStore): Promise<void> {
  // First of all, so that the token is in the address bar for as short as can be.
  const token = takeToken(location, history);
  const open = opener(document.baseURI, token === "");
  const version = pageVersion(document);
  const words = new Words(pickLanguage([store.value.language, ...navigator.languages]));
  const app = new App(words, store, version, browserClipboard(navigator), open, findPage(document));
  window.lucarne = { version, stats: () => app.stats() };
  await app.start(token);
}
