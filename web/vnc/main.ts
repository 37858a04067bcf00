import { browserClipboard } from "../src/clipboard.ts";
import { takeToken } from "../src/http.ts";
import { readOptions } from "../src/options.ts";
import { pageVersion } from "../src/version.ts";
import { VNCPage } from "./page.ts";
import { VNCWords } from "./words.ts";

// First of all, so that the token is in the address bar for as short as can be.
const token = takeToken(location, history);
const options = readOptions(location.search, navigator.languages);
const stage = document.querySelector<HTMLElement>("#stage");
if (!stage) throw new Error("the page has no stage");
const home = new URL("..", document.baseURI).href;
const system = browserClipboard(navigator);
await new VNCPage(new VNCWords(options.language), options, pageVersion(document), home, system, stage).start(token);
