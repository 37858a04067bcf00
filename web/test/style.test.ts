import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

type RGB = [number, number, number];

const theme = readFileSync("src/style/theme.css", "utf8");

/** The variables of the rule behind a selector. */
function variables(selector: string): Record<string, string> {
  const start = theme.indexOf(`${selector} {`);
  assert.ok(start >= 0, selector);
  const body = theme.slice(start, theme.indexOf("}", start));
  return Object.fromEntries([...body.matchAll(/--([\w-]+): ([^;]+);/g)].map(([, name, value]) => [name, value]));
}

const light = variables(":root");
const dark = variables(':root[data-theme="dark"]');

/** Reads #rgb, #rrggbb and rgb(r g b / a%). */
function colour(css: string | undefined): { rgb: RGB; alpha: number } {
  const hex = /^#(?:([\da-f]{3})|([\da-f]{6}))$/i.exec(css ?? "");
  if (hex) {
    const digits = hex[2] ?? [...(hex[1] ?? "")].map((digit) => digit + digit).join("");
    return { rgb: [0, 2, 4].map((at) => parseInt(digits.slice(at, at + 2), 16)) as RGB, alpha: 1 };
  }
  const [, r, g, b, alpha] = /^rgb\((\d+) (\d+) (\d+) \/ (\d+)%\)$/.exec(css ?? "") ?? [];
  assert.ok(alpha, `a colour: ${css}`);
  return { rgb: [r, g, b].map(Number) as RGB, alpha: Number(alpha) / 100 };
}

/** A colour laid over another. */
function over(css: string | undefined, below: RGB): RGB {
  const { rgb, alpha } = colour(css);
  return rgb.map((part, i) => part * alpha + (below[i] ?? 0) * (1 - alpha)) as RGB;
}

/** Relative luminance and contrast ratio (WCAG 2.2). */
function luminance(rgb: RGB): number {
  const [r = 0, g = 0, b = 0] = rgb.map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: RGB, b: RGB): number {
  const [high = 0, low = 0] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (high + 0.05) / (low + 0.05);
}

const black: RGB = [0, 0, 0];
const white: RGB = [255, 255, 255];

test("contrast is computed as it is defined", () => {
  assert.equal(contrast(black, white), 21);
  assert.equal(contrast([118, 118, 118], white).toFixed(2), "4.54");
  assert.deepEqual(over("rgb(255 255 255 / 50%)", black), [127.5, 127.5, 127.5]);
});

test("dark is the same by choice and by the system's setting", () => {
  assert.deepEqual(variables(':root:not([data-theme="light"])'), dark);
  const colours = Object.keys(light).filter((name) => /^(#|rgb)/.test(light[name] ?? ""));
  assert.deepEqual(Object.keys(dark).filter((name) => name !== "shadow").sort(), colours.sort());
});

test("text can be read on whatever lies behind it: a contrast of 4.5, and 3 for signs", () => {
  for (const [name, set] of Object.entries({ light, dark: { ...light, ...dark } })) {
    // What the desktop shows behind a panel may be anything between these two.
    const surfaces = [black, white].map((desktop) => over(set["surface"], desktop));
    surfaces.push(over(set["surface-solid"], black));
    const pointed = surfaces.map((surface) => over(set["hover"], surface));
    const pressed = surfaces.map((surface) => over(set["pressed"], surface));
    const grounds = [over(set["ground"], black), over(set["ground-glow"], black)];
    const buttons = [over(set["accent"], black), over(set["accent-strong"], black)];
    const cases: [string, RGB[], number][] = [
      ["text", [...surfaces, ...pointed, ...pressed, ...grounds], 4.5],
      ["muted", [...surfaces, ...pointed, ...grounds], 4.5],
      ["accent", [...surfaces, ...pointed], 4.5],
      ["bad", surfaces, 4.5],
      ["on-accent", buttons, 4.5],
      ["accent", pressed, 3],
      ["edge", surfaces, 3],
      ["good", surfaces, 3],
      ["busy", surfaces, 3],
    ];
    for (const [front, backs, least] of cases) {
      for (const back of backs) {
        const got = contrast(over(set[front], back), back);
        assert.ok(got >= least, `${name}: ${front} on ${back.map(Math.round)} has ${got.toFixed(2)}, want ${least}`);
      }
    }
  }
});

test("no text is smaller than 12 pixels", () => {
  const files = ["theme", "stage", "controls", "toolbar", "card", "panel", "overlay", "system"].map((name) => `src/style/${name}.css`);
  for (const file of [...files, "src/style.css", "vnc/style.css", "check/style.css"]) {
    for (const [rule, size] of readFileSync(file, "utf8").matchAll(/font(?:-size)?: (?:\d+ )?([\d.]+)(?:px)?[;/ ][^;]*/g)) {
      assert.ok(Number(size) >= 12, `${file}: ${rule}`);
    }
  }
});
