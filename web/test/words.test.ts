import assert from "node:assert/strict";
import { test } from "node:test";
import { catalogues as ofCheck } from "../check/words.ts";
import codes from "../src/codes.json";
import { catalogueOf, pickLanguage } from "../src/i18n.ts";
import type { Encoding } from "../src/protocol.ts";
import { waiting } from "../src/ui/card.ts";
import { gpuWords, limitWords, readable, useWords, wayWords, withholds } from "../src/ui/encoding.ts";
import { catalogues as ofVNC } from "../vnc/words.ts";
import { catalogues, wordsIn } from "./fakes.ts";

test("each language is fetched by itself", async () => {
  for (const language of ["en", "fr"] as const) assert.equal(await catalogueOf(language), catalogues[language]);
});

test("both languages have the same keys, each with words and the same arguments", () => {
  const { en, fr } = catalogues;
  assert.deepEqual(Object.keys(fr), Object.keys(en));
  const places = (text: string) => [...new Set(text.match(/\{\d\}/g) ?? [])].sort();
  for (const key of Object.keys(en) as (keyof typeof en)[]) {
    assert.ok(en[key].trim() && fr[key].trim(), key);
    assert.deepEqual(places(fr[key]), places(en[key]), key);
  }
});

test("every code has words and a remedy in every language, and nothing else has", () => {
  const known = Object.values(codes).flat();
  assert.equal(new Set(known).size, known.length, "each code once");
  for (const language of ["en", "fr"] as const) {
    const words = wordsIn(language);
    for (const code of known) {
      const { what, remedy } = words.reason({ code, args: ["A", "B"] });
      assert.ok(what && remedy, `${language} ${code}`);
      assert.ok(what !== words.say("code.unknown", `${code} A B`), `${language} ${code}`);
    }
  }
  const worded = Object.keys(catalogues.en)
    .filter((key) => key.startsWith("code.") && !key.startsWith("code.unknown") && !key.endsWith(".do"))
    .map((key) => key.slice("code.".length));
  assert.deepEqual(worded.sort(), known.sort());
});

test("an unknown code is shown as it is", () => {
  const { what, remedy } = wordsIn("en").reason({ code: "constructor", args: ["7"] });
  assert.equal(what, "The server reports: constructor 7");
  assert.ok(remedy);
  assert.deepEqual(wordsIn("en").reason({ code: "", args: [] }), { what: "", remedy: "" });
});

test("what is refused has a name in each language", () => {
  const refused = (feature: string) => wordsIn("fr").reason({ code: "refused", args: [feature] }).what;
  assert.equal(refused("copy-in"), "Les règles de la session ne le permettent pas\u00a0: copier vers le bureau.");
  assert.equal(refused("toString"), "Les règles de la session ne le permettent pas\u00a0: toString.");
});

test("arguments are put in; absent ones are nothing", () => {
  const words = wordsIn("en");
  assert.equal(words.say("state.reconnecting", "3"), "Reconnecting in 3\u00a0s");
  assert.equal(words.say("code.display-open"), "Display  cannot be opened.");
  assert.equal(wordsIn("fr").number(1.5, 2), "1,50");
});

/** What is to be typed as it is. */
const attribute = /\w+="[^"]*"/g;

/** All pages' words. */
const all = { en: { ...ofCheck.en, ...ofVNC.en, ...catalogues.en }, fr: { ...ofCheck.fr, ...ofVNC.fr, ...catalogues.fr } };

test("French is set as French is", () => {
  for (const [key, text] of Object.entries(all.fr)) {
    assert.ok(!/['"]/.test(text.replace(attribute, "")), `${key}: typographic apostrophes and quotation marks`);
    assert.ok(!/(^|[^\u00a0\u202f])[:;!?»]([ .,)]|$)/.test(text), `${key}: no-break space before : ; ! ? »`);
    assert.ok(!/«[^\u00a0\u202f]/.test(text), `${key}: no-break space after «`);
    assert.ok(!text.includes("..."), `${key}: an ellipsis`);
  }
});

test("English is set as English is", () => {
  for (const [key, text] of Object.entries(all.en)) {
    assert.ok(!/['"«»]/.test(text.replace(attribute, "")), `${key}: typographic apostrophes and quotation marks`);
    assert.ok(!/[ \u00a0\u202f][:;!?]( |$)/.test(text), `${key}: no space before : ; ! ?`);
    assert.ok(!text.includes("..."), `${key}: an ellipsis`);
  }
});

test("no word of the one language is in the other", () => {
  /** Words that are the same in both, beside the names of keys. */
  const shared = /^(|[A-Z]{2,}\d?|[a-z]{1,2}|\d+|Lucarne|WebRTC|WebSocket|H|VP8|Codec|Ctrl|Super|English|Français|Total|Mbit|Image|Page)$/;
  const both = Object.keys(all.en) as (keyof typeof all.en)[];
  for (const key of both) {
    const [en, fr] = [all.en[key], all.fr[key]];
    const odd = en === fr && !key.startsWith("key.") && en.replace(/\{\d\}/g, "").split(/[^\p{L}\d]+/u).find((word) => !shared.test(word));
    assert.ok(!odd, `${key}: "${odd}" is the same in both`);
    const english = /(^|[ (’])(the|and|of|is|are|with|this|that|it|its|by|from|has|have|you|your|cannot)([ ,.)’]|$)/i.exec(fr);
    assert.ok(!english, `${key}: "${english?.[2]}" in French`);
    const french = /(^|[ (’])(le|la|les|des|du|est|une|dans|pour|avec|votre|vous|qui|aux)([ ,.)’]|$)/i.exec(en);
    assert.ok(!french, `${key}: "${french?.[2]}" in English`);
  }
});

test("the first wished language that there are words in", () => {
  const cases: [string[], string][] = [
    [[], "en"],
    [["fr-CA"], "fr"],
    [["de", "fr", "en"], "fr"],
    [["en-GB", "fr"], "en"],
    [["", "FR"], "fr"],
    [["frr"], "en"],
  ];
  for (const [wished, want] of cases) assert.equal(pickLanguage(wished), want, wished.join());
});

test("the wait for the next attempt is counted down; while that is made it is over", () => {
  const words = wordsIn("en");
  const said = (now: number) => waiting(words, { name: "waiting", until: 5000, reason: null }, now).countdown;
  assert.equal(said(2500), "Reconnecting in 3\u00a0s");
  assert.equal(said(4999), "Reconnecting in 1\u00a0s");
  assert.equal(said(5000), "Reconnecting…");
  assert.equal(said(60_000), "Reconnecting…");
});

test("what has given way is said with its reason, and only then", () => {
  const all = { codec: "vp8", encoder: "libvpx", speed: 0, maxFPS: 0, scale: 1, reason: "", gpu: null } as const;
  const cases: [Partial<Encoding>, string, string][] = [
    [{ reason: "slow" }, "", ""],
    [{ scale: 2, reason: "slow" }, "half the size: the notebook’s processors are busy", "taille réduite de moitié\u00a0: les processeurs du notebook sont occupés"],
    [
      { speed: 2, maxFPS: 15, reason: "quota" },
      "15\u00a0frames/s at most, coarser encoding: the notebook’s share of the processors is used up",
      "15\u00a0images/s au plus, encodage moins fin\u00a0: la part de processeur du notebook est épuisée",
    ],
    [{ scale: 4, reason: "later" }, "1/4 of the size", "1/4 de la taille"],
  ];
  for (const [limits, english, french] of cases) {
    assert.equal(limitWords(wordsIn("en"), { ...all, ...limits }), english);
    assert.equal(limitWords(wordsIn("fr"), { ...all, ...limits }), french);
  }
});

test("why no GPU encodes is said with what to do, and how the GPUs are as far as that is known", () => {
  const way = { codec: "vp8", encoder: "libvpx", speed: 0, maxFPS: 0, scale: 1, reason: "" } as const;
  const words = wordsIn("en");
  assert.equal(gpuWords(words, { ...way, gpu: null }), "");
  assert.equal(gpuWords(words, { ...way, gpu: { code: "encodes", args: ["NVIDIA T4"] } }), "NVIDIA T4 encodes H.264.");
  const missing = { ...way, gpu: { code: "no-encoder", args: ["NVIDIA H200"] } };
  assert.equal(gpuWords(words, missing), "NVIDIA H200 has no encoder (NVENC). The picture is encoded in software.");
  assert.equal(gpuWords(wordsIn("fr"), missing), "NVIDIA H200 n’a pas d’encodeur (NVENC). L’image est encodée par logiciel.");
  const gpu = { name: "T4", memoryUsed: 2 ** 30, memoryTotal: 16 * 2 ** 30, busy: 7, encoding: -1, sessions: 2, throttled: "heat" };
  assert.equal(useWords(words, gpu), "T4 · 1.0 of 16.0 GiB used · 7\u00a0% busy · encoder sessions: 2 · slowed down by heat");
  assert.equal(useWords(words, { ...gpu, memoryTotal: 0, busy: -1, sessions: -1, throttled: "later" }), "T4");
});

test("what keeps pictures from coming is told from what does not", () => {
  for (const [code, args, want] of [
    ["webrtc-no-codec", [], true],
    ["no-codec", [], true],
    ["webrtc-failed", [], true],
    ["encoder-failed", ["vp8"], true],
    ["encoder-failed", ["h264", "vp8"], false],
    ["refused", ["video"], true],
    ["refused", ["copy-in"], false],
    ["clipboard-failed", [], false],
  ] as const) {
    assert.equal(withholds(readable({ code, args: [...args] })), want, `${code} ${args}`);
  }
});

test("the encoder is said by what people call it", () => {
  const words = wordsIn("en");
  const { what } = words.reason(readable({ code: "encoder-failed", args: ["h264", "vp8"] }));
  assert.equal(what, "The server’s encoder for H.264 has failed. VP8 has taken over.");
  assert.equal(words.reason(readable({ code: "encoder-failed", args: ["vp8"] })).what, "The server’s encoder for VP8 has failed.");
  const missing = words.reason(readable({ code: "codec-missing", args: ["h264-444", "h264"] })).what;
  assert.equal(missing, "H.264 4:4:4 is not available here. The picture comes as H.264.");
  assert.deepEqual(readable({ code: "resize-limited", args: ["vp8"] }).args, ["vp8"]);
  assert.equal(wayWords({ codec: "h264", encoder: "x264", speed: 0, maxFPS: 0, scale: 1, reason: "", gpu: null }), "H.264 (x264)");
});
