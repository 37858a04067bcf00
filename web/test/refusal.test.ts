import assert from "node:assert/strict";
import { test } from "node:test";
import { parse, type Feature, type Refusals } from "../src/protocol.ts";
import { refusalWords } from "../src/ui/refusal.ts";
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

test("what the server refuses is read, whatever else it says", () => {
  const hello = parse('{"type":"hello","refuse":{"download":"policy","upload":"audit","share":"moon"}}');
  assert.deepEqual(hello?.type === "hello" && hello.refuse, { download: "policy", upload: "audit", share: "policy" });
  for (const refuse of ["null", '"x"', "7"]) {
    const control = parse(`{"type":"control","refuse":${refuse}}`);
    assert.deepEqual(control?.type === "control" && control.refuse, {});
  }
});
