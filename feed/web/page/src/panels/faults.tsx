import { useEffect, useState } from "preact/hooks";
import type { Fault } from "/feed.js";
import type { Session } from "../session.js";
import { useTopics } from "../topics.js";
import { useCommand } from "../transport.js";
import { usePolled } from "../polled.js";
import { fieldsOf, Parameters, type Parameter } from "./parameters.js";

/** Kind of fault, as `GET /faults` describes it. */
interface Kind {
  kind: string;
  group?: string;
  description: string;
  client: string;
  parameters: Record<string, Parameter>;
}

interface Catalogue {
  faults: Kind[];
  keys: Record<string, Parameter>;
}

interface Truth {
  armed: ({ fault: number; connection: string; kind: string; cleared: boolean } & Record<string, unknown>)[];
  done: { fault: number; kind: string; connection: string; stream?: string; seq: number; deed: string; ms?: number }[];
  forgotten: number;
}

/** Keys of every fault that the panel offers beside those of the kind. */
const OFFERED = ["channel", "symbol", "seq", "after", "rate", "count", "for", "direction"];

/** Draw the faults that can be armed, those that are, and what they did. */
export function FaultsPanel({ session }: { session: Session }) {
  useTopics(session.topics, ["connection"]);
  const [catalogue, setCatalogue] = useState<Catalogue>();
  const [kind, setKind] = useState("drop");
  const [given, setGiven] = useState<Record<string, string>>({});
  const [run, failure] = useCommand(session);
  const truth = usePolled<Truth>(() => session.control().faults() as Promise<unknown> as Promise<Truth>, 1_000, session);
  useEffect(() => {
    void fetch("/faults").then((answer) => answer.json()).then((found: Catalogue) => setCatalogue(found));
  }, []);
  if (catalogue === undefined) return <p class="empty">Loading the catalogue.</p>;
  const chosen = catalogue.faults.find((each) => each.kind === kind) ?? catalogue.faults[0]!;
  const common = Object.fromEntries(Object.entries(catalogue.keys).filter(([name]) => OFFERED.includes(name)));
  const arm = () => run(() => session.client.market.fault({ kind: chosen.kind, ...fieldsOf(given, { ...chosen.parameters, ...common }) } as Fault));
  return (
    <div class="columns">
      <form onSubmit={(event) => { event.preventDefault(); void arm(); }}>
        <label>Kind <select value={chosen.kind} onChange={(event) => { setKind(event.currentTarget.value); setGiven({}); }}>
          {catalogue.faults.map((each) => <option key={each.kind}>{each.kind}</option>)}
        </select></label>
        <p>{chosen.description}</p>
        <p class="dim">A good client: {chosen.client}</p>
        <Parameters parameters={chosen.parameters} given={given} change={setGiven} />
        <details><summary>When and for whom</summary><Parameters parameters={common} given={given} change={setGiven} /></details>
        <div class="bar">
          <button class="primary" type="submit">Arm</button>
          <button type="button" onClick={() => run(() => session.client.market.fault({ clear: "all" }))}>Clear all</button>
        </div>
        {failure && <p class="failure" role="alert">{failure}</p>}
      </form>
      <div>
        <h3>Armed</h3>
        <ul class="plain mono">
          {(truth?.armed ?? []).slice(-20).reverse().map((each) => (
            <li key={`${each.connection}-${each.fault}`} class={each.cleared ? "dim" : ""}>
              #{each.fault} {each.kind} on {each.connection ?? "all"}{each.cleared ? ", over" : ""}
              {!each.cleared && <button onClick={() => run(() => session.client.market.fault({ clear: each.fault }))}>Clear</button>}
            </li>
          ))}
        </ul>
      </div>
      <div>
        <h3>What they did</h3>
        <ol class="plain mono log" data-testid="deeds">
          {(truth?.done ?? []).slice(-60).reverse().map((deed, index) => (
            <li key={`${deed.seq}-${index}`}>{deed.connection} {deed.stream ?? deed.kind} seq {deed.seq}: {deed.deed}{deed.ms === undefined ? "" : ` by ${deed.ms} ms`}</li>
          ))}
        </ol>
      </div>
    </div>
  );
}
