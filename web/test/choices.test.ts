import assert from "node:assert/strict";
import { test } from "node:test";
import { defaults, type Settings } from "../src/settings.ts";
import { automatic, denied, groups, helpWords, meaningful, missing, valueWords, type Abilities, type Offer, type Value } from "../src/ui/choices.ts";
import { wordsIn } from "./fakes.ts";

test("each setting is in the panel, with a name, names for its values, and what is said below", () => {
  const offered = groups.flatMap(({ rows }) => rows.map(({ name }) => name));
  assert.deepEqual([...offered].sort(), Object.keys(defaults()).sort());
  for (const language of ["en", "fr"] as const) {
    const words = wordsIn(language);
    for (const { id, rows } of groups) {
      assert.ok(words.say(`settings.group.${id}`));
      for (const row of rows) {
        assert.ok(words.say(`settings.${row.name}`), row.name);
        for (const value of row.values ?? []) {
          const called = valueWords(words, row.name, value);
          assert.ok(called && called !== String(value), `${row.name} ${value}`);
          if (row.help === "each") assert.ok(helpWords(words, row, value), `${row.name} ${value}`);
        }
        if (row.help === "one") assert.ok(helpWords(words, row, true), row.name);
      }
    }
  }
  assert.equal(valueWords(wordsIn("fr"), "bitrate", 2_500_000), "2,5\u00a0Mbit/s");
  assert.equal(valueWords(wordsIn("en"), "layout", "us altgr-intl"), "us altgr-intl");
});

const browser: Abilities = { webrtc: true, socket: true, lock: true, pointer: true, mac: false };
const poor: Abilities = { webrtc: false, socket: false, lock: false, pointer: false, mac: false };
const all: Offer = {
  allow: ["video", "keyboard", "pointer", "copy-in", "copy-out", "resize", "limits"],
  watching: false,
  primary: true,
  encodes: ["vp8", "h264"],
  decodes: ["vp8", "h264-444", "jpeg"],
  encoding: null,
  keyboard: { layout: "", mode: "text" },
};

test("a setting that role, policy or browser withhold is told with the reason", () => {
  for (const name of Object.keys(defaults()) as (keyof Settings)[]) assert.equal(denied(name, all, browser), null, name);
  const cases: [keyof Settings, Offer, Abilities, string | null][] = [
    ["layout", { ...all, watching: true }, browser, "settings.denied.watching"],
    ["layout", { ...all, allow: ["video"] }, browser, "settings.denied.policy"],
    ["bitrate", { ...all, watching: true }, browser, "settings.denied.watching"],
    ["clipboard", { ...all, allow: ["copy-out"] }, browser, null],
    ["clipboard", { ...all, allow: ["video"] }, browser, "settings.denied.policy"],
    ["primary", { ...all, primary: false }, browser, "settings.denied.primary"],
    ["primary", { ...all, allow: ["copy-in"] }, browser, "settings.denied.policy"],
    ["dpi", { ...all, allow: ["video"] }, browser, "settings.denied.policy"],
    ["lock", all, poor, "settings.denied.browser"],
    ["raw", all, poor, "settings.denied.browser"],
    ["theme", { ...all, watching: true, allow: [] }, poor, null],
  ];
  for (const [name, offer, can, want] of cases) assert.equal(denied(name, offer, can), want, name);
  assert.deepEqual([meaningful("command", browser), meaningful("command", { ...browser, mac: true })], [false, true]);
});

test("what has been detected is named", () => {
  const words = wordsIn("en");
  assert.equal(automatic(words, "layout", all), "As detected");
  const found: Offer = { ...all, keyboard: { layout: "ch fr", mode: "physical" } };
  assert.equal(automatic(words, "layout", found), "As detected: French (Switzerland)");
  assert.equal(automatic(words, "codec", found), "Automatic");
});

test("so is a value", () => {
  const cases: [keyof Settings, Value, Offer, Abilities, string | null][] = [
    ["codec", "", all, browser, null],
    ["codec", "vp8", all, browser, null],
    ["codec", "h264", all, browser, "settings.missing.browser"],
    ["codec", "h264-444", all, browser, "settings.missing.server"],
    ["codec", "vp8", { ...all, encodes: null }, browser, null],
    ["transport", "ws", all, poor, "settings.missing.browser"],
    ["transport", "webrtc", all, poor, "settings.missing.browser"],
    ["transport", "auto", all, poor, null],
    ["resize", "remote", { ...all, watching: true }, browser, "settings.missing.policy"],
    ["resize", "scale", { ...all, watching: true }, browser, null],
  ];
  for (const [name, value, offer, can, want] of cases) assert.equal(missing(name, value, offer, can), want, `${name} ${value}`);
});
