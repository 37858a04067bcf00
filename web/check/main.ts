import { pageClock } from "../src/clock.ts";
import { arrive } from "../src/entry.ts";
import { pickLanguage, catalogueOf } from "../src/i18n.ts";
import { readOptions } from "../src/options.ts";
import { wear } from "../src/page.ts";
import { browserStorage, SettingsStore } from "../src/settings.ts";
import { pageVersion } from "../src/version.ts";
import type { Wire } from "./line.ts";
import { CheckPage } from "./page.ts";
import { CheckWords } from "./words.ts";

const entry = arrive(document.baseURI);
const query = new URLSearchParams(location.search);
const settings = new SettingsStore(browserStorage(), readOptions(location.search).settings).value;
const language = pickLanguage([settings.language, ...navigator.languages]);
wear(settings.theme);
const stage = document.querySelector("main");
if (!stage) throw new Error("the page has no main");
const browser = {
  clock: pageClock,
  fetch: (path: string, init?: RequestInit) => fetch(new URL(path, document.baseURI), init),
  connect: (path: string, protocols: string[]): Wire => {
    const url = new URL(path, document.baseURI);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    return new WebSocket(url, protocols) as Wire;
  },
};
/** How long the socket is watched, in s: longer than the 60 s after which many a proxy cuts. */
const stay = Number(query.get("stay") ?? 65);
const words = new CheckWords(language, await catalogueOf(language));
await new CheckPage(words, browser, pageVersion(document), stay * 1000, entry, stage).start();
