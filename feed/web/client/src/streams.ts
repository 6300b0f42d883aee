import type { BookFrame, CandlesFrame, StatusFrame, SubscribedEvent, TickerFrame, TradingFrame } from "./messages.js";

/** Message of any channel. */
export type DataMessage = TradingFrame | TickerFrame | CandlesFrame | BookFrame | StatusFrame;

/** Stream: one channel of one symbol, of candles with one interval, of books with one depth. */
export interface Stream {
  channel: string;
  symbol: string;
  interval?: string;
  depth?: number;
}

/** Return the key of a stream as the server writes it, such as `candles:BTC/USD:1m`. */
export function keyOf(stream: Stream): string {
  const part = stream.interval ?? stream.depth;
  return [stream.channel, stream.symbol, ...(part === undefined ? [] : [part])].join(":");
}

/** Return the stream of a `subscribed` event or of a `data` message, whose object names interval and depth. */
export function streamOf(message: SubscribedEvent | DataMessage): Stream {
  const named = message.event === "data" ? (message.data as { interval?: string; depth?: number }) : message;
  const { channel, symbol } = message;
  if (channel === "candles") return { channel, symbol, ...(named.interval === undefined ? {} : { interval: named.interval }) };
  if (channel === "book") return { channel, symbol, ...(named.depth === undefined ? {} : { depth: named.depth }) };
  return { channel, symbol };
}
