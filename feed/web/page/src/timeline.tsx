import { useEffect, useRef, useState } from "preact/hooks";
import type { Outline } from "./outline.js";
import type { Session } from "./session.js";
import { length } from "./text.js";
import { useClock, useTopics } from "./topics.js";
import { useCommand } from "./transport.js";

/** Length of the timeline of a scenario without an end, in milliseconds. */
const USUAL_LENGTH = 3_600_000;

/** Draw the scenario as a line of time, with its phases and events, and seek where it is clicked. */
export function Timeline({ session }: { session: Session }) {
  useTopics(session.topics, ["market", "connection"]);
  useClock(500);
  const [outline, setOutline] = useState<Outline>();
  const [dragged, setDragged] = useState<number>();
  const [run, failure] = useCommand(session);
  const epoch = session.market?.epoch ?? session.status?.epoch;
  const held = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (epoch === undefined) return;
    let isOver = false;
    void session.control().outline().then((found) => { if (!isOver) setOutline(found as unknown as Outline); }, () => setOutline(undefined));
    return () => { isOver = true; };
  }, [session, epoch]);
  if (outline === undefined) return null;
  const now = (session.virtualTime ?? outline.start) - outline.start;
  const script = outline.script_end ?? Math.max(0, ...outline.events.map((event) => event.at + event.for), ...outline.phases.map((phase) => phase.at + (phase.for ?? 0)));
  const whole = Math.max(script > 0 ? script * 1.05 : USUAL_LENGTH, now * 1.02);
  const share = (ms: number) => `${(Math.min(1, Math.max(0, ms / whole)) * 100).toFixed(3)}%`;
  const seek = (ms: number) => run(() => session.client.market.seek(length(ms)));
  return (
    <div class="timeline">
      <div class="lanes" aria-hidden="true">
        {outline.phases.map((phase) => (
          <span class={`phase ${phase.status}`} key={`${phase.at}-${phase.name}`} title={`${phase.name}, from ${length(phase.at)}`}
            style={{ left: share(phase.at), width: share(phase.for ?? whole - phase.at) }}>{phase.name}</span>
        ))}
        {outline.events.map((event, index) => (
          <span class="event" key={`${event.at}-${index}`} title={`${event.kind}, from ${length(event.at)}`}
            style={{ left: share(event.at), width: share(Math.max(event.for, whole / 400)) }}><span>{event.kind}</span></span>
        ))}
        <span class="now" style={{ left: share(now) }} />
      </div>
      <input ref={held} type="range" class="scrubber" min={0} max={Math.round(whole)} step={1000} value={dragged ?? now}
        aria-label="Seek in the scenario" aria-valuetext={length(dragged ?? now)} data-testid="scrubber"
        onInput={(event) => setDragged(event.currentTarget.valueAsNumber)}
        onChange={(event) => { void seek(event.currentTarget.valueAsNumber); setDragged(undefined); }} />
      <span class="mono dim">{length(dragged ?? now)} / {outline.script_end === null ? "endless" : length(outline.script_end)}</span>
      {failure && <span class="failure" role="alert">{failure}</span>}
    </div>
  );
}
