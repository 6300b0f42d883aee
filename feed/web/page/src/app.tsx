import { useEffect, useMemo, useState } from "preact/hooks";
import { newName, queryOf, readAddress, type Address } from "./address.js";
import { Ladder } from "./book.js";
import { ChartView, INTERVALS } from "./chart.js";
import { ClientsPanel } from "./panels/clients.js";
import { CodePanel } from "./panels/code.js";
import { ConnectionPanel } from "./panels/connection.js";
import { EditorPanel } from "./panels/editor.js";
import { FaultsPanel } from "./panels/faults.js";
import { FramesPanel } from "./panels/frames.js";
import { ShocksPanel } from "./panels/shocks.js";
import { Picker } from "./picker.js";
import { Session } from "./session.js";
import { Tape, Ticker } from "./tape.js";
import { Timeline } from "./timeline.js";
import { Transport } from "./transport.js";
import { useClock, useTopics } from "./topics.js";

const DEPTHS = [10, 25, 100];

const TABS = ["Shocks", "Faults", "Clients", "Connection", "Frames", "Code", "Scenario"] as const;
type Tab = (typeof TABS)[number];

/** Theme as chosen: `system` follows the machine. */
type Theme = "system" | "light" | "dark";

function useTheme(): [Theme, () => void] {
  const [theme, setTheme] = useState<Theme>(() => (localStorage.getItem("theme") as Theme | null) ?? "system");
  useEffect(() => {
    if (theme === "system") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = theme;
    localStorage.setItem("theme", theme);
  }, [theme]);
  const next: Record<Theme, Theme> = { system: "light", light: "dark", dark: "system" };
  return [theme, () => setTheme(next[theme])];
}

/** Draw the page. */
export function App() {
  const [address, setAddress] = useState(readAddress);
  const [tab, setTab] = useState<Tab>("Shocks");
  const [written, setWritten] = useState<string>();
  const [theme, changeTheme] = useTheme();
  const asked = JSON.stringify([address.market, address.scenario, address.seed, address.speed, address.at, address.paused, address.faults]);
  const session = useMemo(() => new Session(address), [asked]);
  useEffect(() => () => session.close(), [session]);
  useTopics(session.topics, ["market", "connection"]);
  const symbols = session.status?.symbols.map((each) => each.symbol) ?? [];
  const symbol = symbols.includes(address.symbol ?? "") ? address.symbol! : (symbols[0] ?? "");
  const interval = INTERVALS.includes(address.interval ?? "") ? address.interval! : "1s";
  const depth = address.depth ?? 25;
  useEffect(() => { if (symbol) session.show(symbol, depth); }, [session, symbol, depth]);
  const go = (changes: Partial<Address>) => {
    const next = { ...address, ...changes };
    history.pushState(null, "", queryOf(next));
    setAddress(next);
  };
  useEffect(() => {
    const back = () => setAddress(readAddress());
    addEventListener("popstate", back);
    return () => removeEventListener("popstate", back);
  }, []);
  useKeys(session, setTab);
  const edit = (text: string) => { setWritten(text); setTab("Scenario"); };
  const title = session.status ? `${session.status.scenario} · feed` : "feed";
  useEffect(() => { document.title = title; }, [title]);
  return (
    <>
      <header>
        <a class="brand" href="/"><img src="/assets/icon.svg" alt="" width="24" height="24" />feed</a>
        <Picker session={session} address={address} go={go} />
        <span class="grow" />
        <ConnectionBadge session={session} show={() => setTab("Connection")} />
        <button onClick={changeTheme} title="Light, dark, or as the machine has it">{theme}</button>
        <a href="/docs">Docs</a>
      </header>
      <main class={session.client.isStale ? "stale" : ""}>
        <section class="market" aria-label="Market">
          <div class="bar">
            <select aria-label="Symbol" value={symbol} onChange={(event) => go({ symbol: event.currentTarget.value })}>
              {symbols.map((each) => <option key={each}>{each}</option>)}
            </select>
            <div class="group" role="group" aria-label="Interval">
              {INTERVALS.map((each) => <button key={each} aria-pressed={each === interval} onClick={() => go({ interval: each })}>{each}</button>)}
            </div>
          </div>
          <Ticker session={session} symbol={symbol} />
          {symbol && <ChartView session={session} symbol={symbol} interval={interval} theme={theme} />}
          <Timeline session={session} />
          <Transport session={session} />
        </section>
        <section class="book" aria-label="Book" tabIndex={0}>
          <div class="bar"><h2>Book</h2><select aria-label="Depth" value={depth} onChange={(event) => go({ depth: Number(event.currentTarget.value) })}>
            {DEPTHS.map((each) => <option key={each} value={each}>{each} levels</option>)}
          </select></div>
          <Ladder session={session} symbol={symbol} />
        </section>
        <section class="trades" aria-label="Trades" tabIndex={0}><div class="bar"><h2>Trades</h2></div><Tape session={session} symbol={symbol} /></section>
        <section class="panel" aria-label="Tools">
          <div role="tablist" class="tabs" onKeyDown={(event) => moveTab(event, tab, setTab)}>
            {TABS.map((each) => (
              <button key={each} role="tab" id={`tab-${each}`} aria-selected={each === tab} aria-controls="tool" tabIndex={each === tab ? 0 : -1} onClick={() => setTab(each)}>{each}</button>
            ))}
          </div>
          <div role="tabpanel" id="tool" aria-labelledby={`tab-${tab}`} tabIndex={0}>
            {tab === "Shocks" && <ShocksPanel session={session} edit={edit} />}
            {tab === "Faults" && <FaultsPanel session={session} />}
            {tab === "Clients" && <ClientsPanel session={session} />}
            {tab === "Connection" && <ConnectionPanel session={session} />}
            {tab === "Frames" && <FramesPanel session={session} />}
            {tab === "Code" && <CodePanel address={address} symbol={symbol} interval={interval} depth={depth} />}
            {tab === "Scenario" && <EditorPanel scenario={session.status?.scenario ?? "calm"} text={written}
              open={(draft, outline) => { setWritten(undefined); go({ scenario: `draft:${draft}`, market: newName(outline.name, address.seed), at: undefined }); }} />}
          </div>
        </section>
      </main>
      <footer>
        <span>feed {session.status?.version ?? ""}</span> · <a href="/docs">documentation</a> · <a href="/health">health</a> · <a href="/metrics">metrics</a> ·{" "}
        <a href="/schema.json">schema</a> · <a href="/feed.d.ts">types</a> · <a href="/assets/licences.txt">licences</a> · keys: Space pause or play, <kbd>.</kbd> one trade, 1 to 7 tools
      </footer>
    </>
  );
}

function ConnectionBadge({ session, show }: { session: Session; show: () => void }) {
  useTopics(session.topics, ["connection"]);
  useClock(500);
  const { connection, client } = session;
  const isStale = connection.state === "open" && client.isStale;
  const text = isStale ? `stale for ${Math.round((Date.now() - session.heardAt) / 1000)} s` : { open: "live", waiting: "reconnecting", connecting: "connecting", closed: `closed ${connection.code ?? ""}` }[connection.state];
  return <button class={`badge connection ${isStale ? "stale" : connection.state}`} data-testid="badge" onClick={show}><span role="status">{text}</span></button>;
}

function moveTab(event: KeyboardEvent, tab: Tab, setTab: (tab: Tab) => void): void {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (step === undefined) return;
  const next = TABS[(TABS.indexOf(tab) + step + TABS.length) % TABS.length]!;
  setTab(next);
  document.getElementById(`tab-${next}`)?.focus();
}

/** Command the market by keys, except while somebody types. */
function useKeys(session: Session, setTab: (tab: Tab) => void): void {
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA|BUTTON|A)$/.test(target.tagName) || target.shadowRoot || target.isContentEditable) return;
      const { market } = session.client;
      const isRunning = (session.market?.state ?? session.status?.state) === "running";
      const tab = TABS[Number(event.key) - 1];
      if (event.key === " ") void (isRunning ? market.pause() : market.resume()).catch((error: Error) => session.note(error.message, "bad"));
      else if (event.key === "." && !isRunning) void market.step().catch((error: Error) => session.note(error.message, "bad"));
      else if (tab !== undefined) setTab(tab);
      else return;
      event.preventDefault();
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, [session]);
}
