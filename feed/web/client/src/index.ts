/** Client of the simulated market `feed`, for browsers, Web Workers and Node.js. */
export { OrderBook, type BookLevel } from "./book.js";
export { CandleSeries, type Candle } from "./candles.js";
export { addressOf, connect, FeedClient, type ClientEvents, type ConnectionState, type ConnectOptions } from "./client.js";
export { reconnectAfter, type Reconnect } from "./closing.js";
export { Commands, type Done, type Fault, type Goal } from "./commands.js";
export { crc32 } from "./crc32.js";
export { FeedError } from "./errors.js";
export { Market, type MarketKeys, type View } from "./market.js";
export type * from "./messages.js";
export { type Gap } from "./progress.js";
export { keyOf, type DataMessage, type Stream } from "./streams.js";
export { type Wish } from "./subscription.js";
