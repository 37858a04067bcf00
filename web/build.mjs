// Bundles src/, vnc/ and check/ into dist/: content-hashed scripts, styles and icon under
// assets/, and for each page an index.html that names them by relative URLs, so
// that the pages work under any base path.
//
// The pages' version is LUCARNE_VERSION, else a hash of the output.

import { build } from "esbuild";
import { createHash } from "node:crypto";
import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL(".", import.meta.url));
const dist = join(root, "dist");

/** The pages: template, and names of script and style. */
const pages = {
  "index.html": { template: "src/index.html", script: "main", style: "style" },
  "vnc/index.html": { template: "vnc/index.html", script: "vnc", style: "vnc-style" },
  "connection.html": { template: "check/index.html", script: "check", style: "check-style" },
};

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

/** The notices of what the VNC page contains of others. */
async function licences() {
  const novnc = join(root, "node_modules/@novnc/novnc");
  const read = (file) => readFile(join(novnc, file), "utf8");
  const { name, version } = JSON.parse(await read("package.json"));
  const texts = ["LICENSE.txt", "AUTHORS", "docs/LICENSE.MPL-2.0", "vendor/pako/LICENSE"];
  const head = `This page contains ${name} ${version}, unchanged. Its source code: https://github.com/novnc/noVNC/tree/v${version}\n`;
  return [head, ...(await Promise.all(texts.map(read)))].join(`\n${"-".repeat(78)}\n\n`);
}

/** Bundles entry points; what they import() becomes files of their own. Resolves to the outputs, by path. */
async function bundle(entryPoints) {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints,
    outdir: "dist/assets",
    entryNames: "[name]-[hash]",
    chunkNames: "[name]-[hash]",
    bundle: true,
    splitting: true,
    minify: true,
    format: "esm",
    target: ["es2022", "chrome108", "firefox115", "safari16.4"],
    charset: "utf8",
    legalComments: "none",
    loader: { ".svg": "copy" },
    metafile: true,
  });
  return metafile.outputs;
}

await clean();
// Each script apart: what pages share would else be files of its own, which each would have to fetch.
const outputs = Object.assign(
  {},
  await bundle({ main: "src/main.ts" }),
  await bundle({ vnc: "vnc/main.ts" }),
  await bundle({ check: "check/main.ts" }),
  await bundle({ decoder: "src/decoder.worker.ts" }),
  await bundle({ style: "src/style.css", icon: "src/icon.svg", "vnc-style": "vnc/style.css", "check-style": "check/style.css" }),
);

const assets = Object.keys(outputs).map((path) => basename(path)).sort();
/** The output of an entry point, by its name and its extension. */
const named = (name, extension) => {
  const pattern = new RegExp(`^${name}-[0-9A-Z]{8}\\${extension}$`);
  const found = assets.find((file) => pattern.test(file));
  if (!found) throw new Error(`no output ${name}-*${extension}`);
  return found;
};
/** What a script has in common with what it fetches later; the page names it, so that it comes together with the script. */
const shared = (script) =>
  outputs[`dist/assets/${script}`].imports.filter(({ kind }) => kind === "import-statement").map(({ path }) => basename(path));
const templates = await Promise.all(Object.values(pages).map(({ template }) => readFile(join(root, template), "utf8")));
const hash = createHash("sha256").update([...assets, ...templates].join("\n")).digest("hex");
const version = process.env.LUCARNE_VERSION || hash.slice(0, 12);
for (const [i, [path, { script, style }]] of Object.entries(pages).entries()) {
  const up = "../".repeat(path.split("/").length - 1) || "./";
  const main = named(script, ".js");
  const fields = {
    version,
    script: `${up}assets/${main}`,
    style: `${up}assets/${named(style, ".css")}`,
    icon: `${up}assets/${named("icon", ".svg")}`,
    decoder: `${up}assets/${named("decoder", ".js")}`,
  };
  await mkdir(dirname(join(dist, path)), { recursive: true });
  const template = templates[i].replace(/^.*\{\{shared\}\}.*\n/m, (line) =>
    shared(main).map((name) => line.replace("{{shared}}", attribute(`${up}assets/${name}`))).join(""),
  );
  await writeFile(join(dist, path), template.replace(/\{\{(\w+)\}\}/g, (_, name) => attribute(fields[name])));
}
await writeFile(join(dist, "vnc/licences.txt"), await licences());

for (const [path, { bytes }] of Object.entries(outputs)) {
  console.log(`${path}  ${(bytes / 1024).toFixed(1)} kB`);
}
console.log(`version ${version}`);
