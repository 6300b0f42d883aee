import { useEffect, useState } from "preact/hooks";
import { newName, type Address } from "./address.js";
import type { Session } from "./session.js";

interface Scenario {
  name: string;
  description: string;
}

/** Draw what market is shown, and open another: the shared one, or a private one with a scenario and a seed. */
export function Picker({ session, address, go }: { session: Session; address: Address; go: (changes: Partial<Address>) => void }) {
  const [scenarios, setScenarios] = useState<Scenario[]>([]);
  const [scenario, setScenario] = useState(address.scenario?.startsWith("draft:") ? "" : (address.scenario ?? ""));
  const [seed, setSeed] = useState(address.seed === undefined ? "" : String(address.seed));
  useEffect(() => {
    void fetch("/scenarios").then((answer) => answer.json()).then((found: { scenarios: Scenario[] }) => setScenarios(found.scenarios));
  }, []);
  const present = session.status?.scenario ?? "";
  const chosen = scenario || present;
  const open = () => {
    const number = /^\d+$/.test(seed) ? Number(seed) : undefined;
    go({ market: newName(chosen, number), scenario: chosen, seed: number, at: undefined, symbol: undefined });
  };
  return (
    <form class="picker" onSubmit={(event) => { event.preventDefault(); open(); }}>
      <select aria-label="Scenario" value={chosen} onChange={(event) => setScenario(event.currentTarget.value)}
        title={scenarios.find((each) => each.name === chosen)?.description}>
        {!scenarios.some((each) => each.name === chosen) && <option>{chosen}</option>}
        {scenarios.map((each) => <option key={each.name} value={each.name} title={each.description}>{each.name}</option>)}
      </select>
      <input class="seed" inputMode="numeric" pattern="\d*" placeholder={`seed ${session.status?.seed ?? ""}`} aria-label="Seed" value={seed}
        onInput={(event) => setSeed(event.currentTarget.value)} />
      <button type="submit" title="A market of your own; its address can be shared">Open</button>
      {address.market && address.market !== "main"
        ? <button type="button" onClick={() => go({ market: undefined, scenario: undefined, seed: undefined, faults: undefined, at: undefined, speed: undefined, paused: undefined })}>Shared market</button>
        : <span class="dim">the shared market</span>}
    </form>
  );
}
