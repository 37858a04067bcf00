// Bundles src/ into dist/: content-hashed script, style and icon under
// assets/, and an index.html that names them by relative URLs, so that the
// page works under any base path.
//
// The page's version is LUCARNE_VERSION, else a hash of the output.

import { build } from "esbuild";
import { createHash } from "node:crypto";
import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL(".", import.meta.url));
const dist = join(root, "dist");

/** Escapes text for an HTML attribute in double quotes. */
const attribute = (text) =>
  text.replace(/[&"<>]/g, (c) => `&#${c.charCodeAt(0)};`);

/** Empties dist/ but for its .gitignore. */
async function clean() {
  await mkdir(dist, { recursive: true });
  for (const name of await readdir(dist)) {
    if (name !== ".gitignore") await rm(join(dist, name), { recursive: true });
  }
}

await clean();
const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: { main: "src/main.ts", style: "src/style.css", icon: "src/icon.svg" },
  outdir: "dist/assets",
  entryNames: "[name]-[hash]",
  bundle: true,
  minify: true,
  format: "esm",
  target: ["es2022", "chrome108", "firefox115", "safari16.4"],
  charset: "utf8",
  legalComments: "none",
  loader: { ".svg": "copy" },
  metafile: true,
});

const assets = Object.keys(metafile.outputs).map((path) => basename(path)).sort();
const named = (pattern) => {
  const found = assets.find((name) => pattern.test(name));
  if (!found) throw new Error(`no output matches ${pattern}`);
  return found;
};
const template = await readFile(join(root, "src/index.html"), "utf8");
const hash = createHash("sha256").update([...assets, template].join("\n")).digest("hex");
const fields = {
  version: process.env.LUCARNE_VERSION || hash.slice(0, 12),
  script: `./assets/${named(/^main-.*\.js$/)}`,
  style: `./assets/${named(/^style-.*\.css$/)}`,
  icon: `./assets/${named(/^icon-.*\.svg$/)}`,
};
await writeFile(
  join(dist, "index.html"),
  template.replace(/\{\{(\w+)\}\}/g, (_, name) => attribute(fields[name])),
);

for (const [path, { bytes }] of Object.entries(metafile.outputs)) {
  console.log(`${path}  ${(bytes / 1024).toFixed(1)} kB`);
}
console.log(`version ${fields.version}`);
