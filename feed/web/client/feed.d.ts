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

/** Advice for a client whose connection has been closed. */
export type Reconnect = ClosingEvent["reconnect"];
/** Return whether a client whose connection was closed with this code should connect again. */
export declare const reconnectAfter: (code: number) => Reconnect;

/** Refusal of a request or command, with the server's code, the key at fault and the nearest right value. */
export declare class FeedError extends Error {
    readonly code: string;
    readonly field?: string | undefined;
    readonly hint?: string | undefined;
    readonly name = "FeedError";
    constructor(message: string, code: string, field?: string | undefined, hint?: string | undefined);
    /** Return the error of an `error` event, or of the body of a refused HTTP request. */
    static of(body: {
        message?: unknown;
        code?: unknown;
        field?: unknown;
        hint?: unknown;
    }): FeedError;
}

/** Return the CRC32 of a text of ASCII characters. */
export declare function crc32(text: string): number;

/** Listener of one kind of event. */
type Listener<Value> = (value: Value) => void;
/** Registry of listeners by the name of an event. A listener that throws stops no other. */
declare class Emitter<Events extends object> {
    #private;
    /** Call `listener` for each event of this name; returns a function that stops it. */
    on<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): () => void;
    /** Pass an event to its listeners. */
    protected emit<Name extends keyof Events>(name: Name, value: Events[Name]): void;
}

/** Limits of the wait between two attempts to connect, in milliseconds. */
interface BackOffLimits {
    first?: number;
    longest?: number;
}
/** Waits that double from `first` to `longest`, each shortened by up to a quarter at random. */
declare class BackOff {
    private readonly limits;
    private readonly random;
    failures: number;
    constructor(limits?: BackOffLimits, random?: () => number);
    /** Return the next wait in milliseconds. */
    next(): number;
    /** Begin anew after a success. */
    reset(): void;
}

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
export declare function keyOf(stream: Stream): string;
/** Return the stream of a `subscribed` event or of a `data` message, whose object names interval and depth. */
declare function streamOf(message: SubscribedEvent | DataMessage): Stream;

/** BookLevel of an order book: price and size. */
export type BookLevel = readonly [price: number, size: number];
/** Order book of one symbol and depth, kept from a snapshot and the updates after it. Best levels come first. */
export declare class OrderBook {
    readonly symbol: string;
    readonly depth: number;
    private readonly decimals;
    bids: BookLevel[];
    asks: BookLevel[];
    timestamp: number;
    seq: number;
    constructor(symbol: string, depth: number, decimals: SymbolInfo | undefined);
    /** The best bid, if there is one. */
    get bid(): BookLevel | undefined;
    /** The best ask, if there is one. */
    get ask(): BookLevel | undefined;
    /** Take a message of the channel `book`; returns false if the checksum shows that something is missing. */
    apply(data: BookData, type: "snapshot" | "update", seq: number): boolean;
    /** Return the CRC32 of the ten best asks and the ten best bids, as the server computes it. */
    checksum(): number;
}

/** Candle as charting libraries take it; `time` is its beginning in seconds. */
export interface Candle {
    time: number;
    open: number;
    high: number;
    low: number;
    close: number;
    volume: number;
    closed: boolean;
}
/** Candles of one symbol and interval in the order of time; the last one may be open. */
export declare class CandleSeries {
    #private;
    readonly symbol: string;
    readonly interval: string;
    private readonly limit;
    readonly candles: Candle[];
    constructor(symbol: string, interval: string, limit?: number);
    /** Take the object of a message, or of `GET /markets/NAME/candles`, and return the candle that it became. */
    apply(data: CandleData): Candle;
    /** Forget all candles, because the market began anew. */
    clear(): void;
}

/** Loss in a stream: `missed` messages after `after`. A loss that is `recovered` has been filled since. */
export interface Gap {
    stream: string;
    after: number;
    missed: number;
    reason: "left out" | "told by a heartbeat" | "damaged" | "too long ago to resume";
}
/** Verdict on a message: give it to the application, ignore it, or ask for what is missing before it. */
type Verdict = {
    take: true;
} | {
    take: false;
    gap?: Gap;
};
interface Position {
    stream: Stream;
    /** The last seq that the application has. */
    seq: number;
    /** True from the discovery of a loss until the server answers the request that repairs it. */
    isRepairing: boolean;
    /** True until the first message or the confirmation of the subscription. */
    isNew: boolean;
}
/** Positions in all streams of one epoch: finds what is lost, double or out of order. It has no socket and no clock. */
declare class Progress {
    #private;
    epoch: string | undefined;
    /** The streams that the server has confirmed, with the last seq of each. */
    get streams(): readonly Readonly<Position>[];
    /** Return the last seq of a stream. */
    seq(key: string): number | undefined;
    /** Enter an epoch; numbers of another one mean nothing in it. */
    enter(epoch: string): boolean;
    /** Note a confirmed subscription; returns the loss if the messages in between can't be had any more. */
    subscribed(message: SubscribedEvent): Gap | undefined;
    /** Forget a stream. */
    unsubscribed(key: string): void;
    /** Begin a repair; returns where to resume, or undefined if one is under way. */
    repair(key: string): {
        stream: Stream;
        seq: number;
    } | undefined;
    /** Forget repairs whose answers will not come, because the connection is gone. */
    disconnected(): void;
    /** Judge a message of a channel, and advance if it is the next one. */
    judge(message: DataMessage): Verdict;
    /** Return the losses that a heartbeat shows: messages that were sent before it and have not come. */
    heard(heartbeat: HeartbeatEvent): Gap[];
}

/** What to subscribe to; `resume` is the client's own business. */
export type Wish = Omit<SubscribeRequest, "event" | "id" | "resume">;
/** Subscription of the application: one request, which may bring several streams. */
declare class Subscription {
    #private;
    readonly id: string;
    readonly wish: Wish;
    readonly listener: (message: DataMessage) => void;
    readonly keys: Set<string>;
    constructor(id: string, wish: Wish, listener: (message: DataMessage) => void);
    /** The request that is sent until it has been answered. */
    get request(): SubscribeRequest;
    /** Note that the request is on its way. */
    sent(now: number): void;
    /** Note that the connection is gone, and with it the request. */
    disconnected(): void;
    /** Note a stream that the server has confirmed. */
    answered(key: string): void;
    /** Tell whether the request has to be sent again, because its answer was lost. */
    isOverdue(now: number): boolean;
}

/** Answer to a command, sent once it has happened and all data before it has been written. */
export type Done = Omit<CommandDoneEvent, "event" | "id">;
/** Fault, as `GET /faults` describes the kinds. */
export type Fault = {
    kind: string;
} & Record<string, unknown>;
/** Goal of `runUntil`; exactly one of time, seq, price, phase and event. */
export interface Goal {
    time?: string | number;
    channel?: string;
    symbol?: string;
    seq?: number;
    price?: number | string;
    phase?: string;
    event?: string;
    speed?: number | "max";
    limit?: string;
}
/** Commands of a market, as methods; how they travel is up to `act`. */
export declare abstract class Commands {
    /** Carry out an action by its name; resolves when it has happened, rejects with a `FeedError`. */
    abstract act(action: string, keys?: Record<string, unknown>): Promise<Done>;
    /** Let market time stand still. */
    pause(): Promise<Done>;
    /** Let market time run on. */
    resume(): Promise<Done>;
    /** Change how fast market time runs: market seconds a real second, or as fast as readers read. */
    speed(value: number | "max"): Promise<Done>;
    /** Go on by so many trades (1), or by a length such as `{for: "250ms"}`, and stand there. */
    step(keys?: {
        count?: number;
        symbol?: string;
    } | {
        for: string;
    }): Promise<Done>;
    /** Play to a goal, and stand at the instant that fulfilled it. */
    runUntil(goal: Goal): Promise<Done>;
    /** Begin a new epoch at another market time. */
    seek(time: string | number): Promise<Done>;
    /** Begin a new epoch at the beginning of the scenario, which may be another one. */
    restart(keys?: {
        seed?: number;
        scenario?: string;
    }): Promise<Done>;
    /** Let a scenario event happen now, such as `{kind: "flash-crash", size: "-8%"}`. */
    shock(event: {
        kind: string;
    } & Record<string, unknown>): Promise<Done>;
    /** Arm a fault for the connections of the market; the answer has its number. */
    fault(fault: Fault | {
        clear: number | "all";
    }): Promise<Done>;
    /** Write a line into the log of commands. */
    mark(text: string): Promise<Done>;
}

/** Market that the connection asks for, and the habits of the client. Times are milliseconds. */
export interface ConnectOptions {
    market?: string;
    /** The name of a scenario; or `draft:` and a whole file, compressed with raw DEFLATE and written in base64url. */
    scenario?: string;
    seed?: number;
    speed?: number | "max";
    at?: string;
    anchor?: string;
    paused?: boolean;
    faults?: readonly Fault[] | string;
    /** The name under which the server keeps one report over all reconnections. */
    client?: string;
    heartbeat?: "normal" | "strict";
    /** Shown to a server that asks for a token. */
    token?: string;
    /** Without any sign of life for so long, what is shown is stale. */
    staleAfter?: number;
    /** Without any sign of life for so long, the connection is given up. */
    deadAfter?: number;
    backOff?: BackOffLimits;
    /** For Node.js before version 22: the class of the package `ws`. */
    WebSocket?: new (url: string) => WebSocket;
}
/** State of the connection; `retryIn` is the wait in milliseconds before the next attempt. */
export interface ConnectionState {
    state: "connecting" | "open" | "waiting" | "closed";
    attempt: number;
    code?: number;
    reason?: string;
    wasClean?: boolean;
    retryIn?: number;
}
/** Events of a client, by name. */
export interface ClientEvents {
    connection: ConnectionState;
    message: ServerMessage;
    /** Text of every frame, in both directions, for a log. */
    frame: {
        direction: "in" | "out";
        text: string;
    };
    status: StatusEvent;
    market: MarketChangedEvent;
    gap: Gap;
    /** The lost messages of a stream have come after all. */
    recovered: {
        stream: string;
    };
    stale: boolean;
    malformed: {
        reason: string;
        text: string;
    };
    error: ErrorEvent;
}
/** Return the URL of a connection: the options of a market become keys of the query. */
export declare function addressOf(url: string, options?: ConnectOptions): string;
/** Connection to a feed server that reconnects, resumes without loss, and knows when its data is stale. */
export declare class FeedClient extends Emitter<ClientEvents> {
    #private;
    private readonly options;
    readonly url: string;
    readonly progress: Progress;
    status: StatusEvent | undefined;
    isStale: boolean;
    reconnects: number;
    lost: number;
    constructor(url: string, options?: ConnectOptions);
    /** The commands of this connection's market. */
    readonly market: Commands;
    /** Receive one or more streams; returns a function that ends the subscription. */
    subscribe(wish: Wish, listener: (message: DataMessage) => void): () => void;
    /** Keep an order book; `listener` is called after each change, with a book whose checksum is right. */
    book(wish: {
        symbol: string;
        depth?: number;
    }, listener: (book: OrderBook) => void): () => void;
    /** Keep the candles of a symbol; `listener` gets them all and the one that has changed. */
    candles(wish: {
        symbol: string;
        interval?: string;
        history?: number;
    }, listener: (series: CandleSeries, changed: Candle) => void): () => void;
    /** Send a request as it is. */
    send(message: ClientMessage | Record<string, unknown>): boolean;
    /** End the connection for good. */
    close(code?: number, reason?: string): void;
}
/** Connect to a feed server, such as `ws://127.0.0.1:8765`. */
export declare const connect: (url: string, options?: ConnectOptions) => FeedClient;

/** Keys with which a market is made; those that are left out are the server's. */
export interface MarketKeys {
    scenario?: string;
    seed?: number;
    speed?: number | "max";
    at?: string;
    anchor?: string;
    paused?: boolean;
    wait_for?: number;
    faults?: readonly Fault[] | string;
}
/** What a client shows, to be compared with what it must show. */
export type View = Record<string, unknown> & {
    symbol: string;
};
/** Market on a server, commanded by HTTP: for tests in another process than the page. */
export declare class Market extends Commands {
    readonly base: string;
    readonly name: string;
    private readonly token?;
    private constructor();
    /** Return a market that is there already; `main` is the shared one. */
    static at(base: string, name?: string, token?: string): Market;
    /** Make a market, or join it if it was made with the same keys. */
    static open(base: string, name: string, keys?: MarketKeys, token?: string): Promise<Market>;
    /** The address for the client under test. */
    get url(): string;
    act(action: string, keys?: Record<string, unknown>): Promise<Done>;
    /** Wait until every client has read all that has been sent. */
    settle(keys?: {
        settle_ms?: number;
    }): Promise<Record<string, unknown>>;
    /** Return what a correct client shows after a message of a stream. */
    state(keys: {
        channel: string;
        symbol: string;
        seq?: number;
        interval?: string;
        depth?: number;
    }): Promise<Record<string, unknown>>;
    /** Compare what a client shows with what it must show: `ok`, or the first difference. */
    verify(view: View): Promise<Record<string, unknown>>;
    /** Return the report card of each client. */
    report(): Promise<Record<string, unknown>>;
    /** Return what faults were armed, and what they did to which connection. */
    faults(): Promise<Record<string, unknown>>;
    /** Return candles of the past, which meet the live ones without a seam. */
    candles(keys: {
        symbol: string;
        interval?: string;
        from?: number;
        to?: number;
        limit?: number;
    }): Promise<CandleData[]>;
    /** Return phases and events of the scenario on one timeline. */
    outline(): Promise<Record<string, unknown>>;
    /** Return the state of the market. */
    info(): Promise<Record<string, unknown>>;
    /** End the market; its connections are closed with 4410. */
    end(): Promise<unknown>;
    private call;
}

export {};
