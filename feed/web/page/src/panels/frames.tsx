import { useState } from "preact/hooks";
import type { Session } from "../session.js";
import { timeOfDay } from "../text.js";
import { useTopics } from "../topics.js";

/** Frames that are drawn at once. */
const ROWS = 200;

/** Draw the raw frames in both directions, filtered by words. */
export function FramesPanel({ session }: { session: Session }) {
  useTopics(session.topics, ["frames"], 250);
  const [filter, setFilter] = useState("");
  const [direction, setDirection] = useState("both");
  const [isLogging, setLogging] = useState(session.isLogging);
  const [opened, setOpened] = useState<number>();
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  const shown = session.frames
    .filter((frame) => (direction === "both" || frame.direction === direction) && words.every((word) => frame.text.toLowerCase().includes(word)))
    .slice(-ROWS)
    .reverse();
  const toggle = () => {
    session.isLogging = !session.isLogging;
    setLogging(session.isLogging);
  };
  return (
    <div>
      <div class="bar">
        <input type="search" placeholder="Filter, such as trading BTC" aria-label="Filter frames" value={filter} onInput={(event) => setFilter(event.currentTarget.value)} />
        <select aria-label="Direction" value={direction} onChange={(event) => setDirection(event.currentTarget.value)}>
          <option value="both">both directions</option><option value="in">received</option><option value="out">sent</option>
        </select>
        <button onClick={toggle}>{isLogging ? "Stop the log" : "Go on"}</button>
        <button onClick={() => { session.frames = []; session.topics.tell("frames"); }}>Clear</button>
        <span class="dim">{session.frameCount} frames so far, {shown.length} shown</span>
      </div>
      <ol class="plain frames mono" data-testid="frames">
        {shown.map((frame) => (
          <li key={frame.number} class={frame.direction}>
            <button class="row" aria-expanded={opened === frame.number} onClick={() => setOpened(opened === frame.number ? undefined : frame.number)}>
              <time>{timeOfDay(frame.at, true)}</time> <span aria-label={frame.direction === "in" ? "received" : "sent"}>{frame.direction === "in" ? "▼" : "▲"}</span> {frame.text.slice(0, 400)}
            </button>
            {opened === frame.number && <pre>{pretty(frame.text)}</pre>}
          </li>
        ))}
      </ol>
    </div>
  );
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
