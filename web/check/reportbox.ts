/** The report, to be copied, with addresses only if the person wants them in it. */

import { element } from "../src/ui/dom.ts";
import type { CheckWords } from "./words.ts";

export class ReportBox {
  readonly root: HTMLElement;
  private readonly text = element("textarea", { readonly: "", rows: "10", spellcheck: "false" });
  private readonly addresses = element("input", { type: "checkbox" });

  /** report words the findings as they are now. */
  constructor(
    words: CheckWords,
    private readonly report: (addresses: boolean) => string,
  ) {
    const said = element("span", { class: "note", role: "status" });
    const copy = element("button", { type: "button" }, words.tell("copy"));
    copy.addEventListener("click", async () => {
      said.textContent = words.tell((await this.copy()) ? "copied" : "uncopied");
    });
    this.addresses.addEventListener("change", () => this.render());
    this.text.setAttribute("aria-label", words.tell("report"));
    this.root = element(
      "section",
      { class: "report" },
      element("h2", {}, words.tell("report")),
      element("div", {}, copy, element("label", {}, this.addresses, words.tell("addresses")), said),
      this.text,
    );
  }

  render(): void {
    this.text.value = this.report(this.addresses.checked);
  }

  /** Copies; where the browser has no clipboard for the page, as it did before there was one. */
  private async copy(): Promise<boolean> {
    this.render();
    try {
      await navigator.clipboard.writeText(this.text.value);
      return true;
    } catch {
      this.text.select();
      return document.execCommand("copy");
    }
  }
}
