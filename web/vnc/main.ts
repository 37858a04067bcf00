import { browserClipboard } from "../src/clipboard/system.ts";
import { Entry, handOver, historyMemory, tabStorage } from "../src/entry.ts";
import { bringsSecrets, takeSecrets } from "../src/http.ts";
import { pickLanguage, catalogueOf } from "../src/i18n.ts";
import { readOptions } from "../src/options.ts";
import { wear } from "../src/page.ts";
import { browserStorage, SettingsStore } from "../src/settings.ts";
import { pageVersion } from "../src/version.ts";
import { VNCPage } from "./page.ts";
import { VNCWords } from "./words.ts";

// First of all, so that the secret is in the address bar for as short as can be.
const home = new URL("..", document.baseURI).href;
const entry = new Entry(takeSecrets(location, history), historyMemory(history), tabStorage(), home);
handOver(entry, document, home);
// A link that is put into the address of a tab that has the page already.
addEventListener("hashchange", () => bringsSecrets(location.hash) && location.reload());
const settings = new SettingsStore(browserStorage(), readOptions(location.search).settings).value;
const language = pickLanguage([settings.language, ...navigator.languages]);
wear(settings.theme);
const words = new VNCWords(language, await catalogueOf(language));
const stage = document.querySelector<HTMLElement>("#stage");
if (!stage) throw new Error("the page has no stage");
const system = browserClipboard(navigator);
await new VNCPage(words, settings, pageVersion(document), home, system, entry, stage).start();
