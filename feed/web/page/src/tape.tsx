import type { Session } from "./session.js";
import { amount, timeOfDay } from "./text.js";
import { useTopics } from "./topics.js";

/** Trades that are shown. */
const ROWS = 40;

/** Draw the newest trades, the last one first. */
export function Tape({ session, symbol }: { session: Session; symbol: string }) {
  useTopics(session.topics, ["trades"], 100);
  const info = session.info(symbol);
  if (session.trades.length === 0 || info === undefined) return <p class="empty">No trade has come yet.</p>;
  return (
    <table class="tape" aria-label="Trades">
      <thead><tr><th scope="col">Time</th><th scope="col">Price</th><th scope="col">Size</th></tr></thead>
      <tbody>
        {session.trades.slice(0, ROWS).map((trade) => (
          <tr class={trade.side} key={trade.trade_id}>
            <td>{timeOfDay(trade.timestamp, true)}</td>
            <td class="price"><span class="sr">{trade.side} </span>{amount(trade.price, info.price_decimals)}</td>
            <td>{amount(trade.size, Math.min(info.size_decimals, 5))}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Draw the last price, the quote, the day's figures and the status of the symbol. */
export function Ticker({ session, symbol }: { session: Session; symbol: string }) {
  useTopics(session.topics, ["ticker", "trades", "status", "connection"], 100);
  const [trade] = session.trades;
  const { ticker, symbolStatus } = session;
  const info = session.info(symbol);
  const decimals = info?.price_decimals ?? 2;
  const change = Number(ticker?.change_percent ?? 0);
  const status = symbolStatus?.status ?? "online";
  return (
    <section class="ticker" aria-label={`${symbol} now`}>
      <strong class={`last ${trade?.side ?? ""}`} data-testid="last">{amount(trade?.price ?? ticker?.last, decimals)}</strong>
      {status !== "online" && <span class="badge bad" role="status">{status}{symbolStatus?.reason ? `: ${symbolStatus.reason}` : ""}</span>}
      {symbolStatus?.phase && <span class="badge">{symbolStatus.phase}</span>}
      <dl>
        <div><dt>Bid</dt><dd>{amount(trade?.bid ?? ticker?.bid, decimals)}</dd></div>
        <div><dt>Ask</dt><dd>{amount(trade?.ask ?? ticker?.ask, decimals)}</dd></div>
        <div><dt>24 h</dt><dd class={change < 0 ? "down" : "up"}>{ticker ? `${change > 0 ? "+" : ""}${change.toFixed(2)} %` : "–"}</dd></div>
        <div><dt>High</dt><dd>{amount(ticker?.high, decimals)}</dd></div>
        <div><dt>Low</dt><dd>{amount(ticker?.low, decimals)}</dd></div>
        <div><dt>Volume</dt><dd>{amount(ticker?.volume, 2)}</dd></div>
      </dl>
    </section>
  );
}
