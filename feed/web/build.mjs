// Builds dist/: the client (feed.js), the page with its chunks, and the licences of what is bundled.
import { build } from "esbuild";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, "dist");
const shared = { bundle: true, minify: true, format: "esm", target: "es2022", charset: "utf8", legalComments: "none", logLevel: "warning", metafile: true, absWorkingDir: here };

rmSync(dist, { recursive: true, force: true });
mkdirSync(dist);
const client = await build({ ...shared, entryPoints: ["client/src/index.ts"], outfile: "dist/feed.js" });
const page = await build({
  ...shared,
  entryPoints: { page: "page/src/main.tsx", style: "page/src/style.css" },
  outdir: "dist",
  splitting: true,
  chunkNames: "chunk-[hash]",
  jsx: "automatic",
  jsxImportSource: "preact",
  external: ["/feed.js"],
});
for (const name of ["index.html", "icon.svg"]) copyFileSync(join(here, "page", name), join(dist, name));
copyFileSync(join(here, "client", "feed.d.ts"), join(dist, "feed.d.ts"));
writeFileSync(join(dist, "licences.txt"), licences({ ...client.metafile.inputs, ...page.metafile.inputs }));

/** Return the licence of every package that has a file in the bundles. */
function licences(inputs) {
  const names = Object.keys(inputs).map((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1]).filter(Boolean);
  return [...new Set(names)].sort().map((name) => {
    const folder = join(here, "node_modules", name);
    const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const texts = readdirSync(folder).filter((file) => /^(licen[cs]e|notice)/i.test(file)).sort()
      .map((file) => readFileSync(join(folder, file), "utf8").trim());
    return [`${name} ${version} (${license})`, ...texts].join("\n\n");
  }).join(`\n\n${"-".repeat(80)}\n\n`) + "\n";
}
if (!existsSync(join(dist, "feed.js"))) process.exit(1);
