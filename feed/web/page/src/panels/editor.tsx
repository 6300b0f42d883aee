import { useEffect, useRef, useState } from "preact/hooks";
import { packDraft } from "../draft.js";
import type { Mistake, Outline } from "../outline.js";
import { Preview } from "../preview.js";
import { length, reasonOf } from "../text.js";
import type { Editor } from "../codemirror.js";

/** Milliseconds without a key after which the text is checked. */
const PAUSE = 400;

interface Checked {
  packed: string;
  problems: Mistake[];
  outline?: Outline;
}

/** Draw the editor of scenarios: completion, mistakes in place, a preview, and "run it". */
export function EditorPanel({ scenario, text, open }: { scenario: string; text: string | undefined; open: (draft: string, outline: Outline) => void }) {
  const place = useRef<HTMLDivElement>(null);
  const editor = useRef<Editor>();
  const [checked, setChecked] = useState<Checked>();
  const [failure, setFailure] = useState("");
  useEffect(() => {
    let isOver = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const check = async (written: string) => {
      try {
        const packed = await packDraft(written);
        const answer = await fetch(`/check?draft=${packed}`);
        const found = (await answer.json()) as Checked & { message?: string };
        if (isOver) return;
        if (!answer.ok) throw new Error(found.message);
        editor.current?.show(found.problems);
        setChecked({ ...found, packed });
        setFailure("");
      } catch (error) {
        setFailure(reasonOf(error));
      }
    };
    void (async () => {
      const [{ makeEditor }, initial] = await Promise.all([import("../codemirror.js"), text ?? loaded(scenario)]);
      if (isOver) return;
      editor.current = await makeEditor(place.current!, initial, (written) => {
        clearTimeout(timer);
        timer = setTimeout(() => void check(written), PAUSE);
      });
      await check(initial);
    })().catch((error: unknown) => setFailure(reasonOf(error)));
    return () => { isOver = true; clearTimeout(timer); editor.current?.close(); editor.current = undefined; };
  }, [scenario, text]);
  const { outline, problems = [], packed } = checked ?? {};
  return (
    <div class="editor">
      <div class="code-place" ref={place} data-testid="editor" />
      <div>
        <div class="bar">
          <button class="primary" disabled={outline === undefined} onClick={() => open(packed!, outline!)}>Run it</button>
          {outline && <span class="dim">{outline.name}, {outline.script_end === null ? "without an end" : length(outline.script_end)}</span>}
        </div>
        {failure && <p class="failure" role="alert">{failure}</p>}
        <ul class="plain mistakes" aria-live="polite" data-testid="mistakes">
          {problems.map((each) => (
            <li key={`${each.line}${each.where}${each.message}`}>
              <button onClick={() => editor.current?.goTo(each.line)}>{each.line ? `line ${each.line}` : "file"}</button>{" "}
              {each.where && <code>{each.where}</code>} {each.message}{each.hint && <span class="dim"> ({each.hint})</span>}
            </li>
          ))}
          {checked && problems.length === 0 && <li class="dim">No mistakes.</li>}
        </ul>
        {outline && packed && <Preview draft={packed} outline={outline} />}
      </div>
    </div>
  );
}

async function loaded(scenario: string): Promise<string> {
  const answer = await fetch(`/scenarios/${encodeURIComponent(scenario)}`);
  return answer.ok ? answer.text() : NEW;
}

const NEW = `format = 1
name = "my-crash"

[[symbols]]
symbol = "BTC/USD"
start_price = 65000

[[events]]
kind = "flash-crash"
at = "2m"
size = "-8%"
`;
