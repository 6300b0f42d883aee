import { useState } from "preact/hooks";
import type { Done } from "/feed.js";
import type { Session } from "./session.js";
import { dateTime, reasonOf } from "./text.js";
import { useClock, useTopics } from "./topics.js";

/** Speeds that are offered; any other can be asked for in the page's address. */
const SPEEDS = ["0.1", "0.5", "1", "2", "5", "10", "60", "300", "max"];

/** Carry out a command; what goes wrong is a line in the connection's history, and told to whoever asked. */
export function useCommand(session: Session): [(work: () => Promise<unknown>) => Promise<void>, string] {
  const [failure, setFailure] = useState("");
  const run = async (work: () => Promise<unknown>) => {
    try {
      setFailure("");
      await work();
    } catch (error) {
      setFailure(reasonOf(error));
      session.note(reasonOf(error), "bad");
    }
  };
  return [run, failure];
}

/** Draw the buttons that move market time. */
export function Transport({ session }: { session: Session }) {
  useTopics(session.topics, ["market", "connection"]);
  useClock(250);
  const [run, failure] = useCommand(session);
  const market = session.client.market;
  const state = session.market?.state ?? session.status?.state ?? "paused";
  const speed = String(session.market?.speed ?? session.status?.speed ?? 1);
  const isOpen = session.connection.state === "open";
  const isRunning = state === "running";
  const step = (keys: Parameters<typeof market.step>[0]) => () => run(async (): Promise<Done> => {
    if (isRunning) await market.pause();
    return market.step(keys);
  });
  const time = session.virtualTime;
  return (
    <div class="transport" role="toolbar" aria-label="Market time">
      <button class="primary" disabled={!isOpen || state === "ended"} onClick={() => run(() => (isRunning ? market.pause() : market.resume()))}
        aria-keyshortcuts="Space" title="Space">{isRunning ? "Pause" : "Play"}</button>
      <button disabled={!isOpen} onClick={step({ count: 1 })} aria-keyshortcuts="." title="One trade: .">Step 1</button>
      <button disabled={!isOpen} onClick={step({ count: 10 })} title="Ten trades">Step 10</button>
      <button disabled={!isOpen} onClick={step({ for: "1s" })} title="One second of market time">+1 s</button>
      <button disabled={!isOpen} onClick={step({ for: "1m" })} title="One minute of market time">+1 min</button>
      <button disabled={!isOpen} onClick={() => run(() => market.restart())} title="A new epoch from the beginning">Restart</button>
      <label>Speed <select value={speed} disabled={!isOpen} onChange={(event) => {
        const { value } = event.currentTarget;
        void run(() => market.speed(value === "max" ? "max" : Number(value)));
      }}>
        {[...new Set([...SPEEDS, speed])].map((each) => <option key={each} value={each}>{each === "max" ? "max" : `${each} ×`}</option>)}
      </select></label>
      <output class="time" aria-label="Market time" data-testid="time">{time === undefined ? "–" : dateTime(time)}</output>
      <span class={`badge ${state}`} data-testid="state">{state}</span>
      {failure && <span class="failure" role="alert">{failure}</span>}
    </div>
  );
}
