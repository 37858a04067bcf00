import { App } from "./app.ts";
import { browserClipboard } from "./clipboard/system.ts";
import { arrive } from "./entry.ts";
import { opener } from "./http.ts";
import { pickLanguage } from "./i18n.ts";
import { platformOf } from "./keyboard/stroke.ts";
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
  const entry = arrive(document.baseURI);
  const open = opener(document.baseURI, !entry.pending);
  const version = pageVersion(document);
  const language = pickLanguage([store.value.language, ...navigator.languages]);
  const app = new App(language, store, version, browserClipboard(navigator), open, entry, findPage(document));
  window.lucarne = { version, stats: () => app.stats() };
  await app.start();
}
