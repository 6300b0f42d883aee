import { useEffect, useState } from "preact/hooks";
import type { Session } from "../session.js";
import { useCommand } from "../transport.js";
import { fieldsOf, Parameters, type Parameter } from "./parameters.js";

type Shock = { kind: string } & Record<string, unknown>;

/** Shocks that are one click away. */
const PRESETS: [string, Shock][] = [
  ["Crash −8 %", { kind: "flash-crash", size: "-8%", fall: "1m", recovery: "4m" }],
  ["Pump +10 %", { kind: "pump", size: "10%", rise: "2m", fall: "5m" }],
  ["Jump −2 %", { kind: "jump", size: "-2%" }],
  ["Halt 30 s", { kind: "halt", for: "30s", auction: "10s", reason: "asked for on the page" }],
  ["Spread blow-out", { kind: "spread-blowout", for: "1m" }],
  ["Thin book", { kind: "thin-book", for: "2m" }],
  ["Burst × 20", { kind: "burst", for: "20s", factor: 20 }],
  ["Silence", { kind: "quiet", for: "30s", factor: 0 }],
  ["Squeeze", { kind: "squeeze", size: "5%", for: "2m" }],
  ["Maintenance", { kind: "status", status: "maintenance", for: "30s", reason: "asked for on the page" }],
];

interface EventSchema {
  description?: string;
  properties: Record<string, Parameter & { const?: string; anyOf?: Parameter[] }>;
  required?: string[];
}

/** Draw the shocks: buttons, any event of the scenario format as a form, and the result as a file. */
export function ShocksPanel({ session, edit }: { session: Session; edit: (text: string) => void }) {
  const [run, failure] = useCommand(session);
  const [done, setDone] = useState("");
  const [kinds, setKinds] = useState<Record<string, EventSchema>>({});
  const [kind, setKind] = useState("overlay");
  const [given, setGiven] = useState<Record<string, string>>({});
  useEffect(() => {
    void fetch("/scenario.schema.json").then((answer) => answer.json()).then((schema: { $defs: Record<string, EventSchema> }) => {
      const events = Object.values(schema.$defs).filter((each) => each.properties?.["kind"]?.const !== undefined);
      setKinds(Object.fromEntries(events.map((each) => [each.properties["kind"]!.const!, each])));
    });
  }, []);
  const shock = (event: Shock) => run(async () => {
    const answer = await session.client.market.shock(event);
    setDone(`${event.kind} in epoch ${answer.epoch}`);
  });
  const chosen = kinds[kind];
  const parameters: Record<string, Parameter> = {};
  for (const [name, each] of Object.entries(chosen?.properties ?? {})) {
    if (name === "kind" || name === "at") continue;
    parameters[name] = { ...each, ...each.anyOf?.find((option) => option.type !== "null"), required: chosen?.required?.includes(name) };
  }
  const text = () => fetch(`/markets/${encodeURIComponent(session.status?.market ?? "main")}/scenario`).then((answer) => answer.text());
  const download = () => run(async () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([await text()], { type: "application/toml" }));
    link.download = `${session.status?.scenario ?? "scenario"}-shocked.toml`;
    link.click();
    URL.revokeObjectURL(link.href);
  });
  return (
    <div class="columns">
      <div>
        <h3>Now</h3>
        <div class="bar wrap">{PRESETS.map(([name, event]) => <button key={name} onClick={() => void shock(event)}>{name}</button>)}</div>
        {done && <p role="status" data-testid="shocked">{done}</p>}
        {failure && <p class="failure" role="alert">{failure}</p>}
        <h3>What it has become</h3>
        <p class="dim">A shock leaves the past as it was. The scenario with all shocks does the same by itself.</p>
        <div class="bar"><button onClick={() => void download()}>Download as a scenario</button><button onClick={() => run(async () => edit(await text()))}>Edit it</button></div>
      </div>
      <form onSubmit={(event) => { event.preventDefault(); void shock({ kind, ...fieldsOf(given, parameters) }); }}>
        <label>Event <select value={kind} onChange={(event) => { setKind(event.currentTarget.value); setGiven({}); }}>
          {Object.keys(kinds).map((each) => <option key={each}>{each}</option>)}
        </select></label>
        {chosen?.description && <p>{chosen.description}</p>}
        <Parameters parameters={parameters} given={given} change={setGiven} />
        <button class="primary" type="submit">Let it happen</button>
      </form>
    </div>
  );
}
