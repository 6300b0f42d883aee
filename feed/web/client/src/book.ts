import { crc32 } from "./crc32.js";
import type { BookData, Decimal, SymbolInfo } from "./messages.js";

/** BookLevel of an order book: price and size. */
export type BookLevel = readonly [price: number, size: number];

/** Levels that the checksum covers, of each side. */
const CHECKED = 10;

/** Return the digits of a decimal as the checksum takes them: no point, no leading zeros. */
const digits = (value: number, decimals: number) => value.toFixed(decimals).replace(".", "").replace(/^0+/, "");

/** Order book of one symbol and depth, kept from a snapshot and the updates after it. Best levels come first. */
export class OrderBook {
  bids: BookLevel[] = [];
  asks: BookLevel[] = [];
  timestamp = 0;
  seq = 0;

  constructor(readonly symbol: string, readonly depth: number, private readonly decimals: SymbolInfo | undefined) {}

  /** The best bid, if there is one. */
  get bid(): BookLevel | undefined { return this.bids[0]; }

  /** The best ask, if there is one. */
  get ask(): BookLevel | undefined { return this.asks[0]; }

  /** Take a message of the channel `book`; returns false if the checksum shows that something is missing. */
  apply(data: BookData, type: "snapshot" | "update", seq: number): boolean {
    if (type === "snapshot") {
      this.bids = data.bids.map(numbers);
      this.asks = data.asks.map(numbers);
    } else {
      for (const level of data.bids) put(this.bids, numbers(level), (a, b) => b - a);
      for (const level of data.asks) put(this.asks, numbers(level), (a, b) => a - b);
      this.bids.length = Math.min(this.bids.length, this.depth);
      this.asks.length = Math.min(this.asks.length, this.depth);
    }
    this.timestamp = data.timestamp;
    this.seq = seq;
    return this.decimals === undefined || this.checksum() === data.checksum;
  }

  /** Return the CRC32 of the ten best asks and the ten best bids, as the server computes it. */
  checksum(): number {
    const { price_decimals: price = 2, size_decimals: size = 8 } = this.decimals ?? {};
    const side = (levels: BookLevel[]) => levels.slice(0, CHECKED).map((level) => digits(level[0], price) + digits(level[1], size));
    return crc32([...side(this.asks), ...side(this.bids)].join(""));
  }
}

const numbers = (level: readonly [Decimal, Decimal]): BookLevel => [Number(level[0]), Number(level[1])];

/** Put a level at its place; a size of 0 removes it. */
function put(levels: BookLevel[], level: BookLevel, order: (a: number, b: number) => number): void {
  let low = 0;
  let high = levels.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (order(levels[middle]![0], level[0]) < 0) low = middle + 1;
    else high = middle;
  }
  const isThere = levels[low]?.[0] === level[0];
  if (level[1] === 0) {
    if (isThere) levels.splice(low, 1);
  } else {
    levels.splice(low, isThere ? 1 : 0, level);
  }
}
