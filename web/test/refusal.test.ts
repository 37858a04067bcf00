import assert from "node:assert/strict";
import { test } from "node:test";
import { parse, type Feature, type Refusals } from "../src/protocol.ts";
import { refusalWords, refuse } from "../src/ui/refusal.ts";
import { wordsIn } from "./fakes.ts";

test("the page says which rule forbids what", () => {
  const refuse: Refusals = { download: "policy", "copy-out": "policy", upload: "audit" };
  for (const [language, features, want] of [
    ["en", ["upload"], "Refused for now, for it has to be recorded and cannot be: sending files to the desktop."],
    ["en", ["copy-in"], ""],
    ["en", ["copy-out", "download"], "Refused by the policy of this desktop: copying from the desktop, fetching files from the desktop."],
    [
      "en",
      ["upload", "download"],
      "Refused by the policy of this desktop: fetching files from the desktop. Refused for now, for it has to be recorded and cannot be: sending files to the desktop.",
    ],
    ["fr", ["download"], "Refusé par les règles de ce bureau\u00a0: enregistrer des fichiers du bureau."],
  ] as const) {
    const got = refusalWords(wordsIn(language), (feature) => refuse[feature], features as readonly Feature[]);
    assert.equal(got, want);
  }
});

test("a control says why it is of no use for as long as it is", () => {
  const attributes = new Map<string, string>();
  const control = {
    title: "",
    setAttribute: (name: string, value: string) => void attributes.set(name, value),
    removeAttribute: (name: string) => void attributes.delete(name),
  };
  const says = (why: string, title?: string) => {
    refuse(control as unknown as HTMLElement, why, title);
    return [control.title, attributes.get("aria-description"), attributes.get("aria-disabled")];
  };
  assert.deepEqual(says("rules"), ["rules", "rules", "true"]);
  assert.deepEqual(says(""), ["", undefined, undefined]);
  assert.deepEqual(says("rules", "Files"), ["rules", "rules", "true"]);
  assert.deepEqual(says("", "Files"), ["Files", undefined, undefined]);
});

test("what the server refuses is read, whatever else it says", () => {
  const hello = parse('{"type":"hello","refuse":{"download":"policy","upload":"audit","share":"moon"}}');
  assert.deepEqual(hello?.type === "hello" && hello.refuse, { download: "policy", upload: "audit", share: "policy" });
  for (const refuse of ["null", '"x"', "7"]) {
    const control = parse(`{"type":"control","refuse":${refuse}}`);
    assert.deepEqual(control?.type === "control" && control.refuse, {});
  }
});
