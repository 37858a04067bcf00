import assert from "node:assert/strict";
import { test } from "node:test";
import { parse, type Finding } from "../src/protocol.ts";
import { sorted, textOf, wordsOf } from "../src/ui/doctor.ts";
import { wordsIn } from "./fakes.ts";

const full: Finding = {
  check: "home",
  state: "fail",
  code: "home-full",
  args: ["/home/a", "no space left on device"],
  found: "/home/a is full: no space left on device",
  user: "remove what is not needed",
  admin: "enlarge the volume, or its quota",
};
const plain = (text: string) => text.replaceAll("\u00a0", " ");

test("a finding is said in the person's language, with what to change", () => {
  assert.deepEqual(wordsOf(wordsIn("en"), full), {
    check: "Home directory",
    state: "fail",
    found: full.found,
    advice: [
      { who: "You", what: full.user },
      { who: "Administrator", what: full.admin },
    ],
  });
  const { found, advice } = wordsOf(wordsIn("fr"), full);
  assert.equal(plain(found), "/home/a est plein : no space left on device");
  assert.deepEqual(advice, [
    { who: "Vous", what: "supprimer ce qui ne sert pas" },
    { who: "Administrateur", what: "agrandir le volume, ou son quota" },
  ]);
});

test("a finding that the page does not know is said as the server does", () => {
  const words = wordsIn("fr");
  const odd = wordsOf(words, { ...full, check: "later", code: "later-new" });
  assert.deepEqual(odd, { check: "later", state: "fail", found: full.found, advice: [{ who: "Vous", what: full.user }, { who: "Administrateur", what: full.admin }] });
  assert.equal(wordsOf(words, { ...full, code: "constructor" }).found, full.found);
});

test("of the GPU it is said what the statistics say", () => {
  const gpu: Finding = { check: "GPU", state: "warn", code: "gpu-no-capability", args: ["video"], found: "…", user: "", admin: "set it" };
  const { found, advice } = wordsOf(wordsIn("en"), gpu);
  assert.equal(found, "The container lacks the driver capability “video”.");
  assert.deepEqual(advice, [{ who: "Administrator", what: "Set NVIDIA_DRIVER_CAPABILITIES=all." }]);
  assert.deepEqual(wordsOf(wordsIn("en"), { ...gpu, state: "ok", code: "gpu-encodes", admin: "" }).advice, []);
});

test("what is to be looked at comes first, and all of it is in the text", () => {
  const words = wordsIn("en");
  const ok: Finding = { ...full, check: "user", state: "ok", code: "user-ok", args: ["a", "1000", "100"], user: "", admin: "" };
  const all = sorted(words, [{ ...ok, state: "skip" }, ok, { ...ok, state: "warn" }, full]);
  assert.deepEqual(all.map(({ state }) => state), ["fail", "warn", "ok", "skip"]);
  assert.equal(
    textOf(words, all.slice(0, 2)),
    "Home directory (failing): /home/a is full: no space left on device\n    You: remove what is not needed\n" +
      "    Administrator: enlarge the volume, or its quota\nUser (to look at): a, uid 1000, gid 100\n",
  );
});

test("what the server says is distrusted", () => {
  const told = parse(JSON.stringify({ type: "doctor", findings: [full, null, 7, { check: {}, state: "splendid", args: [1, "a"] }] }));
  assert.deepEqual(told, {
    type: "doctor",
    findings: [full, { check: "", state: "skip", code: "", args: ["a"], found: "", user: "", admin: "" }],
  });
  assert.deepEqual(parse(`{"type":"doctor"}`), { type: "doctor", findings: [] });
});
