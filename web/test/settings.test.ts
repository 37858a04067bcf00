import assert from "node:assert/strict";
import { test } from "node:test";
import { browserStorage, defaults, readSettings, SettingsStore, type Settings } from "../src/settings.ts";

/** A storage as browsers have it. */
function memory(stored?: string) {
  const items = new Map(stored === undefined ? [] : [["lucarne.settings", stored]]);
  return {
    items,
    getItem: (key: string) => items.get(key) ?? null,
    setItem: (key: string, value: string) => void items.set(key, value),
    removeItem: (key: string) => void items.delete(key),
  };
}

test("what is chosen holds at once, is told once, and is there after a reload", () => {
  const storage = memory();
  const store = new SettingsStore(storage);
  const told: [Partial<Settings>, Partial<Settings>][] = [];
  const stop = store.onChange((now, before) => told.push([{ maxFPS: now.maxFPS }, { maxFPS: before.maxFPS }]));
  store.set({ maxFPS: 30 });
  store.set({ maxFPS: 30 });
  assert.deepEqual(told, [[{ maxFPS: 30 }, { maxFPS: 0 }]]);
  stop();
  store.set({ theme: "dark" });
  assert.equal(told.length, 1);
  assert.deepEqual(new SettingsStore(storage).value, { ...defaults(), maxFPS: 30, theme: "dark" });
  store.reset();
  assert.deepEqual(store.value, defaults());
  assert.deepEqual(new SettingsStore(storage).value, defaults());
});

test("what the address asks for goes first and is not remembered, until the person chooses", () => {
  const storage = memory('{"resize":"scale","codec":"vp8"}');
  const store = new SettingsStore(storage, { resize: "off" });
  assert.deepEqual([store.value.resize, store.value.codec], ["off", "vp8"]);
  store.set({ maxFPS: 15 });
  assert.equal(new SettingsStore(storage).value.resize, "scale");
  store.set({ resize: "remote" });
  assert.equal(store.value.resize, "remote");
  assert.equal(new SettingsStore(storage).value.resize, "remote");
  store.reset();
  assert.equal(store.value.resize, "off");
});

test("what another tab has remembered meanwhile is kept", () => {
  const storage = memory();
  const [one, other] = [new SettingsStore(storage), new SettingsStore(storage)];
  one.set({ codec: "h264" });
  other.set({ theme: "light" });
  const { codec, theme } = new SettingsStore(storage).value;
  assert.deepEqual([codec, theme], ["h264", "light"]);
  assert.equal(other.value.codec, "", "and does not change this one");
});

test("what is unknown or broken is as if absent", () => {
  for (const stored of ["", "{", "null", "7", '"x"', "[]", '{"__proto__":{"codec":"vp8"}}', '{"constructor":1}']) {
    assert.deepEqual(new SettingsStore(memory(stored)).value, defaults(), stored);
  }
  const cases: [keyof Settings, unknown[], unknown[]][] = [
    ["codec", ["", "vp8", "h264-444"], ["av1", 1, null]],
    ["bitrate", [0, 2_000_000], [-1, 1.5, 1e10, "5", NaN, Infinity]],
    ["maxFPS", [0, 30], [241, -1, true]],
    ["transport", ["auto", "ws", "webrtc"], ["vnc", ""]],
    ["resize", ["remote", "scale", "off"], ["huge"]],
    ["keyboard", ["auto", "physical", "text"], ["", 0]],
    ["layout", ["", "fr", "ch fr", "us altgr-intl"], ["FR", "fr;rm", "a".repeat(50), 5]],
    ["command", ["ctrl", "super"], ["alt"]],
    ["lock", [true, false], [0, "true", null]],
    ["language", ["", "en", "fr"], ["de"]],
    ["theme", ["", "light", "dark"], ["blue"]],
  ];
  for (const [name, good, bad] of cases) {
    for (const value of good) assert.deepEqual(readSettings({ [name]: value }), { [name]: value }, `${name} ${value}`);
    for (const value of bad) assert.deepEqual(readSettings({ [name]: value }), {}, `${name} ${value}`);
  }
});

test("⌘ is Ctrl where there is one", () => {
  assert.equal(new SettingsStore(null).value.command, "super");
  assert.equal(new SettingsStore(null, {}, true).value.command, "ctrl");
});

test("without a storage, or with one that is full, choices hold for as long as the page lives", () => {
  const full = { ...memory(), setItem() { throw new Error("QuotaExceededError"); } };
  for (const storage of [null, full]) {
    const store = new SettingsStore(storage);
    store.set({ stats: true });
    assert.equal(store.value.stats, true);
  }
  const forbidden = { get localStorage(): Storage { throw new Error("SecurityError"); } };
  assert.equal(browserStorage(forbidden), null);
});
