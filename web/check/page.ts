/** The page put together: the list of what is looked at, what it comes to, and the report. */

import type { Entry } from "../src/entry.ts";
import { Card } from "../src/ui/card.ts";
import { element } from "../src/ui/dom.ts";
import { checkClipboard, checkCodecs, checkJPEG } from "./decode.ts";
import { checkDirect } from "./direct.ts";
import { examine, verdict, type Check, type Finding, type Rung } from "./finding.ts";
import { checkLogin, checkPage, checkSecure } from "./http.ts";
import { List } from "./list.ts";
import { ReportBox } from "./reportbox.ts";
import { report } from "./report.ts";
import { checkLarge, checkPictures, checkSocket, checkStay, checkTrip } from "./socket.ts";
import { checkTURN } from "./turn.ts";
import { checkVNC } from "./vnc.ts";
import { Way, type Browser } from "./way.ts";
import type { CheckWords } from "./words.ts";

/** All that is looked at, in this order. */
function checks(way: Way, stayMs: number): Check[] {
  const one = (rung: Rung, check: (way: Way) => Promise<Finding>): Check => ({ rung, run: async () => [await check(way)] });
  return [
    one("page", checkPage),
    one("login", checkLogin),
    one("secure", () => checkSecure(isSecureContext)),
    one("codecs", checkCodecs),
    one("jpeg", checkJPEG),
    one("socket", checkSocket),
    one("trip", checkTrip),
    one("large", checkLarge),
    one("pictures", checkPictures),
    one("udp", (way) => checkDirect(way, "udp")),
    one("tcp", (way) => checkDirect(way, "tcp")),
    { rung: "turn", run: () => checkTURN(way) },
    one("vnc", checkVNC),
    one("clipboard", checkClipboard),
    one("stay", (way) => checkStay(way, stayMs)),
  ];
}

export class CheckPage {
  private readonly card: Card;
  private readonly verdict = element("p", { class: "verdict", role: "status" });
  private readonly list: List;
  private readonly box: ReportBox;
  private found = new Map<Rung, Finding[]>();
  private at = "";
  private run = new AbortController();

  constructor(
    private readonly words: CheckWords,
    private readonly browser: Browser,
    private readonly version: string,
    private readonly stayMs: number,
    private readonly entry: Entry,
    private readonly main: HTMLElement,
  ) {
    const look = () => void this.look();
    this.card = new Card(words, { reconnect: look, ...entry.form(look) });
    this.list = new List(words);
    this.box = new ReportBox(words, (addresses) => this.report(addresses));
    this.build();
  }

  /** Starts, by what the address had to come in by. */
  async start(): Promise<void> {
    if (this.entry.pending) this.card.refuse(await this.entry.exchange());
    await this.look();
  }

  private build(): void {
    const { words } = this;
    document.documentElement.lang = words.language;
    document.title = `${words.tell("title")} · Lucarne`;
    const again = element("button", { type: "button", class: "primary" }, words.tell("again"));
    again.addEventListener("click", () => void this.look());
    this.main.append(
      element("h1", {}, words.tell("title")),
      element("p", { class: "intro" }, words.tell("intro")),
      this.verdict,
      this.list.root,
      element("nav", {}, again, element("a", { href: "./" }, words.tell("desktop")), element("a", { href: "vnc/" }, words.tell("vnc"))),
      this.box.root,
    );
    document.body.append(this.card.root);
  }

  /** Looks at everything, from the beginning. */
  private async look(): Promise<void> {
    this.run.abort();
    this.run = new AbortController();
    const { signal } = this.run;
    const { words, list } = this;
    this.found = new Map();
    this.at = new Date().toISOString();
    this.card.show(null);
    this.verdict.textContent = words.tell("running");
    document.documentElement.dataset.state = "busy";
    const way = new Way(this.browser, { version: this.version, lang: words.language, key: this.entry.key, share: this.entry.share }, signal);
    const all = checks(way, this.stayMs);
    list.begin(all.map(({ rung }) => rung));
    await examine(all, signal, {
      begun: (rung) => list.busy(rung),
      found: (rung, findings) => this.take(rung, findings),
    });
    if (signal.aborted) return;
    way.close();
    document.documentElement.dataset.state = "done";
  }

  private take(rung: Rung, findings: Finding[]): void {
    this.found.set(rung, findings);
    this.list.show(rung, findings);
    this.box.render();
    if (findings.some(({ code }) => code === "login-wanted")) this.card.show("login");
    // What follows says nothing of how the desktop gets here.
    if (rung === "vnc") this.verdict.textContent = this.words.tell(`verdict.${verdict(this.found)}`);
  }

  private report(addresses: boolean): string {
    const { words, version, at } = this;
    const about = { at, version, browser: navigator.userAgent, page: location.origin + location.pathname };
    return report(words, this.verdict.textContent ?? "", this.found, about, addresses);
  }
}
