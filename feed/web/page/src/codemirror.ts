import { autocompletion, completionKeymap, type Completion, type CompletionContext, type CompletionResult } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { HighlightStyle, StreamLanguage, syntaxHighlighting } from "@codemirror/language";
import { toml } from "@codemirror/legacy-modes/mode/toml";
import { lintGutter, setDiagnostics } from "@codemirror/lint";
import { EditorState } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import type { Mistake } from "./outline.js";

/** Editor of one text. */
export interface Editor {
  show(mistakes: readonly Mistake[]): void;
  goTo(line: number): void;
  close(): void;
}

interface Schema {
  type?: string;
  description?: string;
  const?: string;
  enum?: string[];
  examples?: unknown[];
  default?: unknown;
  $ref?: string;
  items?: Schema;
  anyOf?: Schema[];
  oneOf?: Schema[];
  properties?: Record<string, Schema>;
  $defs?: Record<string, Schema>;
}

const COLOURS = HighlightStyle.define([
  { tag: tags.comment, color: "var(--dim)" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--up)" },
  { tag: [tags.number, tags.bool, tags.atom], color: "var(--accent)" },
  { tag: [tags.propertyName, tags.keyword, tags.heading], color: "var(--text)", fontWeight: "600" },
]);

/** Make an editor inside a shadow root, where its styles need no permission of the page's content security policy. */
export async function makeEditor(place: HTMLElement, text: string, changed: (text: string) => void): Promise<Editor> {
  const schema = (await (await fetch("/scenario.schema.json")).json()) as Schema;
  const root = place.shadowRoot ?? place.attachShadow({ mode: "open" });
  root.replaceChildren();
  const view = new EditorView({
    parent: root,
    root,
    state: EditorState.create({
      doc: text,
      extensions: [
        lineNumbers(), history(), drawSelection(), highlightActiveLine(), lintGutter(),
        StreamLanguage.define(toml), syntaxHighlighting(COLOURS),
        autocompletion({ override: [(context) => complete(context, schema)] }),
        keymap.of([...completionKeymap, ...historyKeymap, ...defaultKeymap, indentWithTab]),
        EditorView.contentAttributes.of({ "aria-label": "Scenario" }),
        EditorView.theme({
          "&": { height: "100%", fontSize: "13px", color: "var(--text)", backgroundColor: "var(--panel)" },
          ".cm-scroller": { fontFamily: "ui-monospace, monospace" },
          ".cm-gutters": { backgroundColor: "var(--panel)", color: "var(--dim)", border: "none" },
          ".cm-activeLine": { backgroundColor: "var(--hover)" },
          ".cm-cursor": { borderLeftColor: "var(--text)" },
          ".cm-tooltip": { backgroundColor: "var(--panel)", color: "var(--text)", border: "1px solid var(--line)" },
          ".cm-selectionBackground": { backgroundColor: "var(--hover) !important" },
        }),
        EditorView.updateListener.of((update) => { if (update.docChanged) changed(update.state.doc.toString()); }),
      ],
    }),
  });
  return {
    show: (mistakes) => view.dispatch(setDiagnostics(view.state, mistakes.map((mistake) => {
      const line = view.state.doc.line(Math.min(Math.max(1, mistake.line), view.state.doc.lines));
      return { from: line.from, to: line.to, severity: "error", message: `${mistake.message}${mistake.hint ? ` (${mistake.hint})` : ""}` };
    }))),
    goTo: (line) => {
      const at = view.state.doc.line(Math.min(Math.max(1, line), view.state.doc.lines));
      view.dispatch({ selection: { anchor: at.from }, scrollIntoView: true });
      view.focus();
    },
    close: () => view.destroy(),
  };
}

/** Complete keys, kinds and values from the JSON Schema of scenario files. */
function complete(context: CompletionContext, schema: Schema): CompletionResult | null {
  const line = context.state.doc.lineAt(context.pos);
  const before = line.text.slice(0, context.pos - line.from);
  const { section, kind } = placeOf(context.state.doc.sliceString(0, line.from).split("\n"), context.state.doc.sliceString(line.to).split("\n"));
  const value = /^\s*([\w-]+)\s*=\s*"?([\w-]*)$/.exec(before);
  if (value) {
    const options = values(schema, section, kind, value[1]!);
    return options.length ? { from: context.pos - value[2]!.length, options } : null;
  }
  const word = /^\s*(\[{0,2}[\w-]*)$/.exec(before);
  if (!word || (word[1] === "" && !context.explicit)) return null;
  const from = context.pos - word[1]!.length;
  const options = word[1]!.startsWith("[") ? sections(schema) : [...keys(schema, section, kind), ...sections(schema)];
  return { from, options };
}

/** Return the table in which a line stands, and the kind that the table names. */
function placeOf(above: string[], below: string[]): { section: string; kind: string | undefined } {
  let section = "";
  let kind: string | undefined;
  const kindOf = (line: string) => /^\s*kind\s*=\s*"([\w-]+)"/.exec(line)?.[1];
  for (const line of above) {
    const header = /^\s*\[{1,2}([\w.-]+)\]{1,2}/.exec(line);
    if (header) { section = header[1]!; kind = undefined; }
    else kind = kindOf(line) ?? kind;
  }
  for (const line of below) {
    if (/^\s*\[/.test(line)) break;
    kind ??= kindOf(line);
  }
  return { section, kind };
}

function resolved(schema: Schema, part: Schema | undefined): Schema[] {
  if (part === undefined) return [];
  if (part.$ref) return resolved(schema, schema.$defs?.[part.$ref.split("/").at(-1)!]);
  const options = part.anyOf ?? part.oneOf;
  if (options) return options.flatMap((option) => resolved(schema, option));
  return part.items ? resolved(schema, part.items) : [part];
}

function tables(schema: Schema, section: string, kind: string | undefined): Schema[] {
  if (section === "") return [schema];
  const found = resolved(schema, schema.properties?.[section]).filter((each) => each.properties);
  const named = found.filter((each) => each.properties!["kind"]?.const === kind);
  return kind !== undefined && named.length ? named : found;
}

function keys(schema: Schema, section: string, kind: string | undefined): Completion[] {
  const found = new Map<string, Completion>();
  for (const table of tables(schema, section, kind)) {
    for (const [name, key] of Object.entries(table.properties ?? {})) {
      if (section === "" && resolved(schema, key).some((each) => each.properties)) continue;
      found.set(name, { label: name, type: "property", apply: `${name} = `, info: key.description ?? resolved(schema, key)[0]?.description ?? "" });
    }
  }
  return [...found.values()];
}

function sections(schema: Schema): Completion[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, key]) => {
    if (!resolved(schema, key).some((each) => each.properties)) return [];
    const isList = [key, ...(key.anyOf ?? [])].some((each) => each.type === "array");
    return [{ label: isList ? `[[${name}]]` : `[${name}]`, type: "class", info: key.description ?? "" }];
  });
}

function values(schema: Schema, section: string, kind: string | undefined, name: string): Completion[] {
  const found = new Map<string, Completion>();
  for (const table of tables(schema, section, name === "kind" ? undefined : kind)) {
    for (const key of resolved(schema, table.properties?.[name])) {
      const texts = [...(key.const === undefined ? [] : [key.const]), ...(key.enum ?? []), ...(key.examples ?? []), ...(key.type === "boolean" ? [true, false] : [])];
      for (const text of texts) {
        const written = typeof text === "string" ? `"${text}"` : String(text);
        found.set(written, { label: written, type: "constant", info: name === "kind" ? (table.description ?? "") : (key.description ?? "") });
      }
    }
  }
  return [...found.values()];
}
