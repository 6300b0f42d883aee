// Writes what is generated and kept: `feed schema | node generate.mjs FOLDER` makes FOLDER/messages.ts from the
// JSON Schema on standard input, and FOLDER/feed.d.ts, the types of the whole client as one module.
import { readFileSync, writeFileSync, mkdtempSync, rmSync } from "node:fs";
import { execFileSync } from "node:child_process";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { compile } from "json-schema-to-typescript";

const here = dirname(fileURLToPath(import.meta.url));
const folder = process.argv[2];
const BANNER = "/* Written by `python -m tests.docs` from the models of the server. Do not edit. */";

// The writer knows tuples as older drafts of JSON Schema spell them.
const older = (key, value) => {
  if (value === null || typeof value !== "object" || !("prefixItems" in value)) return value;
  const { prefixItems, ...rest } = value;
  return { ...rest, items: prefixItems };
};
const schema = JSON.parse(readFileSync(0, "utf8"), older);
const options = { additionalProperties: false, bannerComment: BANNER, style: { printWidth: 120 }, unreachableDefinitions: true };
const messages = await compile(schema, "FeedMessage", options);
writeFileSync(join(folder, "messages.ts"), messages);
writeFileSync(join(folder, "feed.d.ts"), declarations());

/** Return the declarations of all modules of the client, in one module without imports. */
function declarations() {
  const made = mkdtempSync(join(tmpdir(), "feed-types-"));
  try {
    execFileSync(process.execPath, [join(here, "node_modules", "typescript", "bin", "tsc"), "-p", join(here, "tsconfig.json"),
      "--noEmit", "false", "--rootDir", here, "--declaration", "--emitDeclarationOnly", "--outDir", made], { stdio: "inherit" });
    const source = join(made, "client", "src");
    const order = ["closing", "errors", "crc32", "emitter", "backoff", "streams", "book", "candles", "progress", "subscription", "commands", "client", "market"];
    const parts = order.map((name) => readFileSync(join(source, `${name}.d.ts`), "utf8"));
    const text = [messages.replace(BANNER, ""), ...parts].join("\n").replace(/^import [^;]*;\n/gm, "").replace(/^export \{\};\n/gm, "");
    return `${BANNER}\n${withdrawn(text).replace(/\n{3,}/g, "\n\n")}\nexport {};\n`;
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
}

/** Return declarations in which only those are exported that the client's index exports, and the messages. */
function withdrawn(text) {
  const index = readFileSync(join(here, "client", "src", "index.ts"), "utf8");
  const named = new Set([...index.matchAll(/\{([^}]*)\}/g)].flatMap((found) => found[1].split(",").map((name) => name.trim().replace(/^type /, ""))));
  const kept = new Set([...messages.matchAll(/^export (?:type|interface) (\w+)/gm)].map((found) => found[1]));
  return text.replace(/^export (declare (?:abstract )?(?:class|function|const)|interface|type) (\w+)/gm,
    (all, kind, name) => (named.has(name) || kept.has(name) ? all : `${kind} ${name}`));
}
