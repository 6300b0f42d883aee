import type { BookLevel } from "/feed.js";
import type { Session } from "./session.js";
import { amount } from "./text.js";
import { useTopics } from "./topics.js";

/** Levels of each side that are shown as rows. */
const ROWS = 12;

/** Draw the order book as a ladder: asks above, bids below, bars for the summed size. */
export function Ladder({ session, symbol }: { session: Session; symbol: string }) {
  useTopics(session.topics, ["book"], 80);
  const { book } = session;
  const info = session.info(symbol);
  if (book === undefined || info === undefined) return <p class="empty">The order book has not come yet.</p>;
  const asks = summed(book.asks.slice(0, ROWS));
  const bids = summed(book.bids.slice(0, ROWS));
  const most = Math.max(asks.at(-1)?.sum ?? 0, bids.at(-1)?.sum ?? 0) || 1;
  const { price_decimals: prices, size_decimals: sizes } = info;
  const row = (side: string) => ({ level, sum }: Summed) => (
    <tr class={side} key={`${side}${level[0]}`}>
      <td class="price">{amount(level[0], prices)}</td>
      <td>{amount(level[1], Math.min(sizes, 5))}</td>
      <td class="sum"><meter aria-hidden="true" min={0} max={most} value={sum} />{amount(sum, 3)}</td>
    </tr>
  );
  const spread = book.ask && book.bid ? book.ask[0] - book.bid[0] : undefined;
  return (
    <table class="ladder" aria-label="Order book">
      <thead><tr><th scope="col">Price</th><th scope="col">Size</th><th scope="col">Sum</th></tr></thead>
      <tbody>{asks.reverse().map(row("ask"))}</tbody>
      <tbody><tr class="spread"><td colSpan={3}>{spread === undefined ? "one side is empty" : <>spread {amount(spread, prices)}</>}</td></tr></tbody>
      <tbody>{bids.map(row("bid"))}</tbody>
    </table>
  );
}

interface Summed {
  level: BookLevel;
  sum: number;
}

function summed(levels: readonly BookLevel[]): Summed[] {
  let sum = 0;
  return levels.map((level) => ({ level, sum: (sum += level[1]) }));
}
