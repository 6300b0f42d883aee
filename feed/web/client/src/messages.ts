/* Written by `python -m tests.docs` from the models of the server. Do not edit. */

/**
 * Messages of a feed server and its clients, one JSON object a WebSocket text frame.
 */
export type FeedMessage = ClientMessage | ServerMessage;
/**
 * Any message of a client.
 */
export type ClientMessage =
  | SubscribeRequest
  | UnsubscribeRequest
  | PingRequest
  | PongRequest
  | AuthRequest
  | ListRequest
  | ControlRequest
  | ExpectRequest;
/**
 * Any message of the server.
 */
export type ServerMessage =
  | StatusEvent
  | SubscribedEvent
  | UnsubscribedEvent
  | SubscriptionsEvent
  | ErrorEvent
  | PongEvent
  | PingEvent
  | HeartbeatEvent
  | AuthenticatedEvent
  | MarketChangedEvent
  | CommandDoneEvent
  | StateToldEvent
  | ClosingEvent
  | TradingFrame
  | TickerFrame
  | CandlesFrame
  | BookFrame
  | StatusFrame;
/**
 * Reasons that an `error` event can give for refusing a request.
 */
export type ErrorCode =
  | "INVALID_JSON"
  | "UNKNOWN_EVENT"
  | "INVALID_REQUEST"
  | "UNKNOWN_CHANNEL"
  | "UNKNOWN_SYMBOL"
  | "NOT_SUBSCRIBED"
  | "UNAUTHORIZED"
  | "TOKEN_EXPIRED"
  | "RATE_LIMITED"
  | "LIMIT_EXCEEDED"
  | "TOO_LARGE"
  | "NOT_POSSIBLE"
  | "NOT_REACHED"
  | "NOT_ALLOWED"
  | "UNKNOWN_MARKET"
  | "UNKNOWN_CONNECTION"
  | "MARKET_EXISTS";
/**
 * A plain decimal; text after connecting with `?numbers=string`
 */
export type Decimal = number | string;
/**
 * Market time in milliseconds since 1970, UTC
 */
export type Milliseconds = number;
/**
 * Price and size; in an update, size 0 removes the level
 *
 * @minItems 2
 * @maxItems 2
 */
export type Level = [Decimal, Decimal];

/**
 * Begin to receive one or more streams.
 */
export interface SubscribeRequest {
  /**
   * Comes back on everything that answers this request
   */
  id?: string | number | null;
  event: "subscribe";
  /**
   * A channel, an array of channels, or "*" for all
   */
  channel: string | string[];
  /**
   * A symbol, an array of symbols, or "*" for all
   */
  symbol: string | string[];
  /**
   * Length of candles, an array, or "*"; 1m where missing
   */
  interval?: string | string[] | null;
  /**
   * Levels of a book: 10, 25, 100, an array, or "*"; 10 where missing
   */
  depth?: number | number[] | "*" | null;
  /**
   * Send the last N messages first
   */
  history?: number | null;
  /**
   * Send what was missed since then first
   */
  resume?: ResumeText | null;
  /**
   * At most so many messages a second, always the newest; each tells how many were skipped
   */
  max_rate?: number | null;
}
/**
 * Position at which a disconnected client resumes a stream.
 */
export interface ResumeText {
  /**
   * The epoch that the client last saw
   */
  epoch: string;
  /**
   * The last seq that the client has
   */
  seq: number;
}
/**
 * Stop receiving one or more streams.
 */
export interface UnsubscribeRequest {
  /**
   * Comes back on everything that answers this request
   */
  id?: string | number | null;
  event: "unsubscribe";
  /**
   * A channel, an array of channels, or "*" for all
   */
  channel: string | string[];
  /**
   * A symbol, an array of symbols, or "*" for all
   */
  symbol: string | string[];
  /**
   * Length of candles; all of them where missing
   */
  interval?: string | string[] | null;
  /**
   * Levels of a book; all of them where missing
   */
  depth?: number | number[] | "*" | null;
}
/**
 * Ask for a sign of life.
 */
export interface PingRequest {
  /**
   * Comes back on everything that answers this request
   */
  id?: string | number | null;
  event: "ping";
  /**
   * Opaque; comes back in the pong
   */
  timestamp?: {
    [k: string]: unknown;
  };
}
/**
 * The answer to a server's `ping` event.
 */
export interface PongRequest {
  /**
   * Comes back on everything that answers this request
   */
  id?: string | number | null;
  event: "pong";
  /**
   * The timestamp of the ping that it answers
   */
  timestamp?: {
    [k: string]: unknown;
  };
}
/**
 * Prove who you are, on a server that asks for it.
 */
export interface AuthRequest {
  /**
   * Comes back on everything that answers this request
   */
  id?: string | number | null;
  event: "auth";
  /**
   * The server's token
   */
  token: string;
}
/**
 * Ask which streams this connection receives.
 */
export interface ListRequest {
  /**
   * Comes back on everything that answers this request
   */
  id?: string | number | null;
  event: "list";
}
/**
 * Do something to the market: pause it, step it, or begin a new epoch of it.
 */
export interface ControlRequest {
  /**
   * Comes back on everything that answers this request
   */
  id?: string | number | null;
  event: "control";
  /**
   * What to do, such as pause, resume, speed or step
   */
  action: string;
  [k: string]: unknown;
}
/**
 * Ask what a correct client shows after a message, whether this one ever got it or not.
 */
export interface ExpectRequest {
  /**
   * Comes back on everything that answers this request
   */
  id?: string | number | null;
  event: "expect";
  /**
   * The channel of the message
   */
  channel: string;
  /**
   * Its symbol; may be missing where the market has one
   */
  symbol?: string | null;
  /**
   * The interval, for candles
   */
  interval?: string | null;
  /**
   * The levels of the book in the answer
   */
  depth?: number | null;
  /**
   * The number of the message; where missing: the last one
   */
  seq?: number | null;
}
/**
 * First event of a connection: the market's identity and abilities; a dialect describes the `symbols`.
 */
export interface StatusEvent {
  event: "status";
  status: string;
  version: string;
  connection: string;
  market: string;
  scenario: string;
  seed: number;
  epoch: string;
  digest: string;
  state: "running" | "paused" | "ended";
  virtual_time: number;
  speed: number | string;
  channels: string[];
  symbols: SymbolInfo[];
  limits: {
    [k: string]: number;
  };
}
/**
 * Description of a symbol in the event `status`.
 */
export interface SymbolInfo {
  symbol: string;
  /**
   * Smallest step of a price
   */
  tick_size: number | string;
  /**
   * Smallest step of a size
   */
  lot_size: number | string;
  price_decimals: number;
  size_decimals: number;
}
/**
 * Confirmation of a subscription. `seq` is the last one published before it.
 */
export interface SubscribedEvent {
  event: "subscribed";
  channel: string;
  symbol: string;
  interval?: string;
  depth?: number;
  seq: number;
  epoch: string;
  recovered?: boolean;
  max_rate?: number;
  id?: string | number;
}
/**
 * Confirmation that a subscription has ended.
 */
export interface UnsubscribedEvent {
  event: "unsubscribed";
  channel: string;
  symbol: string;
  interval?: string;
  depth?: number;
  seq: number;
  epoch: string;
  id?: string | number;
}
/**
 * The answer to `list`.
 */
export interface SubscriptionsEvent {
  event: "subscriptions";
  subscriptions: {
    [k: string]: string | number;
  }[];
  epoch: string;
  id?: string | number;
}
/**
 * Refusal of a request; the connection stays open.
 */
export interface ErrorEvent {
  event: "error";
  message: string;
  code: ErrorCode;
  id?: string | number;
  field?: string;
  hint?: string;
  channel?: string;
  symbol?: string;
}
/**
 * The answer to a client's `ping`; `server_time` is wall-clock milliseconds.
 */
export interface PongEvent {
  event: "pong";
  timestamp: unknown;
  server_time: number;
  id?: string | number;
}
/**
 * Request for a `pong` from a client under `heartbeat=strict`.
 */
export interface PingEvent {
  event: "ping";
  timestamp: number;
}
/**
 * Sign of life after a period without other messages; `last` has the last seq of each subscribed stream.
 *
 * `timestamp` is market time in milliseconds, so that a client can tell the age of its data.
 */
export interface HeartbeatEvent {
  event: "heartbeat";
  timestamp: number;
  last: {
    [k: string]: number;
  };
}
/**
 * Confirmation that the token was accepted. `expires_at` is wall-clock milliseconds, or null for never.
 */
export interface AuthenticatedEvent {
  event: "authenticated";
  scopes: string[];
  expires_at: number | null;
  id?: string | number;
}
/**
 * Change of the market's clock or state; `virtual_time` is market time in milliseconds.
 *
 * While the market cannot keep its speed, `real_speed` is its actual speed, and `behind_ms` the delay of its messages.
 */
export interface MarketChangedEvent {
  event: "market";
  state: "running" | "paused" | "ended";
  virtual_time: number;
  speed: number | string;
  epoch: string;
  real_speed?: number;
  behind_ms?: number;
}
/**
 * Completion of a command, after all data before it has been sent: tests wait for this instead of sleeping.
 *
 * The keys after `seq` belong to single actions: the trades of a step, the number of an armed fault, the numbers of
 * the ended ones, whether a run came to its end; and of a command that waited for the clients, whether all answered,
 * and which did not.
 */
export interface CommandDoneEvent {
  event: "done";
  action: string;
  log: number;
  epoch: string;
  virtual_time: number;
  state: "running" | "paused" | "ended";
  seq: {
    [k: string]: number;
  };
  trades?: number;
  reached?: boolean;
  fault?: number;
  cleared?: number[];
  settled?: boolean;
  unsettled?: string[];
  id?: string | number;
}
/**
 * Answer to `expect`: what a correct client shows after message `seq` of a stream, as objects of the dialect.
 *
 * `last`, `bid` and `ask` are those of the stream that was asked for.
 */
export interface StateToldEvent {
  event: "state";
  channel: string;
  symbol: string;
  interval?: string;
  depth?: number;
  seq: number;
  epoch: string;
  timestamp: number;
  last: unknown;
  bid: unknown;
  ask: unknown;
  trade: unknown;
  book: unknown;
  candles: unknown;
  ticker: unknown;
  status: unknown;
  id?: string | number;
}
/**
 * Announcement of a planned close of the connection.
 */
export interface ClosingEvent {
  event: "closing";
  code: number;
  reason: string;
  in_ms: number;
  reconnect: "now" | "back_off" | "never";
}
/**
 * Message of the channel `trading`.
 */
export interface TradingFrame {
  event: "data";
  channel: "trading";
  symbol: string;
  type: "snapshot" | "update";
  /**
   * Number of the message in its stream
   */
  seq: number;
  /**
   * How many messages were left out before it
   */
  skipped?: number;
  data: TradingData;
}
/**
 * Fill, with the quote that it leaves.
 */
export interface TradingData {
  symbol: string;
  price: Decimal;
  size: Decimal;
  /**
   * The taker's side
   */
  side: "buy" | "sell";
  bid: Decimal;
  bid_size: Decimal;
  ask: Decimal;
  ask_size: Decimal;
  /**
   * A plain decimal; text after connecting with `?numbers=string`
   */
  volume: number | string;
  trade_id: number;
  timestamp: Milliseconds;
}
/**
 * Message of the channel `ticker`.
 */
export interface TickerFrame {
  event: "data";
  channel: "ticker";
  symbol: string;
  type: "snapshot" | "update";
  /**
   * Number of the message in its stream
   */
  seq: number;
  /**
   * How many messages were left out before it
   */
  skipped?: number;
  data: TickerData;
}
/**
 * Figures of the last 24 hours.
 */
export interface TickerData {
  symbol: string;
  last: Decimal;
  bid: Decimal;
  bid_size: Decimal;
  ask: Decimal;
  ask_size: Decimal;
  open: Decimal;
  high: Decimal;
  low: Decimal;
  volume: Decimal;
  vwap: Decimal;
  change: Decimal;
  change_percent: Decimal;
  timestamp: Milliseconds;
}
/**
 * Message of the channel `candles`.
 */
export interface CandlesFrame {
  event: "data";
  channel: "candles";
  symbol: string;
  type: "snapshot" | "update";
  /**
   * Number of the message in its stream
   */
  seq: number;
  /**
   * How many messages were left out before it
   */
  skipped?: number;
  data: CandleData;
}
/**
 * Candle in its present state, as charting libraries take it.
 */
export interface CandleData {
  symbol: string;
  interval: string;
  /**
   * Beginning in seconds since 1970, UTC
   */
  time: number;
  open: Decimal;
  high: Decimal;
  low: Decimal;
  close: Decimal;
  volume: Decimal;
  trades: number;
  vwap: Decimal;
  /**
   * True in the interval's last message
   */
  closed: boolean;
  timestamp: Milliseconds;
}
/**
 * Message of the channel `book`.
 */
export interface BookFrame {
  event: "data";
  channel: "book";
  symbol: string;
  type: "snapshot" | "update";
  /**
   * Number of the message in its stream
   */
  seq: number;
  /**
   * How many messages were left out before it
   */
  skipped?: number;
  data: BookData;
}
/**
 * Order book: every level in a snapshot, the changed ones in an update. The best levels come first.
 */
export interface BookData {
  symbol: string;
  depth: number;
  bids: Level[];
  asks: Level[];
  /**
   * CRC32 of the ten best levels of each side afterwards
   */
  checksum: number;
  timestamp: Milliseconds;
}
/**
 * Message of the channel `status`, about one symbol.
 */
export interface StatusFrame {
  event: "data";
  channel: "status";
  symbol: string;
  type: "snapshot" | "update";
  /**
   * Number of the message in its stream
   */
  seq: number;
  /**
   * How many messages were left out before it
   */
  skipped?: number;
  data: StatusData;
}
/**
 * Status of a symbol.
 */
export interface StatusData {
  symbol: string;
  status: "online" | "halted" | "auction" | "maintenance";
  reason: string;
  phase: string;
  timestamp: Milliseconds;
}
