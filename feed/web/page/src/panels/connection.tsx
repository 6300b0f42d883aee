import type { Session } from "../session.js";
import { timeOfDay } from "../text.js";
import { useClock, useTopics } from "../topics.js";

/** Draw what is known of the connection: how it stands, how it ended last, what was lost, and its history. */
export function ConnectionPanel({ session }: { session: Session }) {
  useTopics(session.topics, ["connection", "happenings", "market"], 200);
  useClock(500);
  const { client, closed, connection } = session;
  const now = Date.now();
  const seqs = client.progress.streams.map(({ stream, seq }) => [stream, seq] as const);
  const rows: [string, string][] = [
    ["State", connection.state + (client.isStale && connection.state === "open" ? ", stale" : "")],
    ["Address", client.url],
    ["Connection", session.status?.connection ?? "–"],
    ["Market", `${session.status?.market ?? "–"} (${session.status?.scenario ?? "–"}, seed ${session.status?.seed ?? "–"})`],
    ["Epoch", client.progress.epoch ?? "–"],
    ["Last message", connection.state === "open" ? `${((now - session.heardAt) / 1000).toFixed(1)} s ago` : "–"],
    ["Last heartbeat", session.heartbeatAt === undefined ? "none needed" : `${((now - session.heartbeatAt) / 1000).toFixed(1)} s ago`],
    ["Last close", closed === undefined ? "none" : `${closed.code}${closed.reason ? ` "${closed.reason}"` : ""}, ${closed.wasClean ? "clean" : "not clean"}`],
    ["Reconnects", String(client.reconnects)],
    ["Gaps", `${session.gaps}, of which ${session.recovered} recovered; ${client.lost} messages lost`],
    ["Frames not believed", String(session.malformed)],
  ];
  return (
    <div class="columns">
      <dl class="facts" data-testid="connection">{rows.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>
      <div>
        <h3>Last seq of each stream</h3>
        <ul class="plain mono">
          {seqs.map(([stream, seq]) => <li key={JSON.stringify(stream)}>{stream.channel}:{stream.symbol}{stream.interval ?? stream.depth ? `:${stream.interval ?? stream.depth}` : ""} <strong>{seq}</strong></li>)}
        </ul>
      </div>
      <div>
        <h3>What happened</h3>
        <ol class="plain log" aria-live="polite">
          {session.happenings.slice(0, 60).map((each, index) => (
            <li class={each.level} key={`${each.at}-${index}`}><time>{timeOfDay(each.at)}</time> {each.text}</li>
          ))}
        </ol>
      </div>
    </div>
  );
}
