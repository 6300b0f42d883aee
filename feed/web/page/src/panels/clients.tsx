import { usePolled } from "../polled.js";
import type { Session } from "../session.js";

interface Line {
  line: string;
  verdict: "pass" | "fail" | "not seen";
  evidence?: unknown;
  fault?: unknown;
}

interface Card {
  client: string;
  connections?: unknown;
  lines: Line[];
}

/** Draw the report card of every client of the market. */
export function ClientsPanel({ session }: { session: Session }) {
  const report = usePolled<{ clients: Card[] }>(() => session.control().report() as Promise<unknown> as Promise<{ clients: Card[] }>, 2_000, session);
  if (report === undefined) return <p class="empty">No report has come yet.</p>;
  return (
    <div class="cards" data-testid="report">
      {report.clients.map((card) => (
        <section key={card.client} aria-label={card.client}>
          <h3>{card.client}</h3>
          <table><tbody>
            {card.lines.map((each) => (
              <tr key={each.line} class={each.verdict.replace(" ", "-")}>
                <td><span class={`badge ${each.verdict === "fail" ? "bad" : ""}`}>{each.verdict}</span></td>
                <td>{each.line}</td>
                <td class="dim">{typeof each.evidence === "string" ? each.evidence : each.evidence ? JSON.stringify(each.evidence) : ""}</td>
              </tr>
            ))}
          </tbody></table>
        </section>
      ))}
    </div>
  );
}
