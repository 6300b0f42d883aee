import {
  connect, Market, OrderBook, type ConnectionState, type FeedClient, type Gap, type MarketChangedEvent, type StatusEvent,
  type StatusFrame, type SymbolInfo, type TickerFrame, type TradingFrame,
} from "/feed.js";
import { connectionOf, type Address } from "./address.js";
import { Topics } from "./topics.js";

/** Frame of the log: its direction, its text and when it passed, in milliseconds since 1970. */
export interface LoggedFrame {
  number: number;
  direction: "in" | "out";
  text: string;
  at: number;
}

/** Line of the connection's history. */
export interface Happening {
  at: number;
  text: string;
  level: "info" | "warn" | "bad";
}

const KEPT_TRADES = 60;
const KEPT_FRAMES = 1_000;
const KEPT_HAPPENINGS = 200;

/** Topics that parts of the page listen to. */
export type Topic = "connection" | "market" | "trades" | "ticker" | "book" | "status" | "frames" | "happenings";

/** Connection of the page: one client, and what has come of the symbol that is shown. */
export class Session {
  readonly topics = new Topics<Topic>();
  readonly client: FeedClient;
  readonly control: () => Market;
  status: StatusEvent | undefined;
  market: MarketChangedEvent | undefined;
  connection: ConnectionState = { state: "connecting", attempt: 1 };
  closed: ConnectionState | undefined;
  trades: TradingFrame["data"][] = [];
  ticker: TickerFrame["data"] | undefined;
  book: OrderBook | undefined;
  symbolStatus: StatusFrame["data"] | undefined;
  frames: LoggedFrame[] = [];
  frameCount = 0;
  malformed = 0;
  gaps = 0;
  recovered = 0;
  happenings: Happening[] = [];
  heardAt = Date.now();
  heartbeatAt: number | undefined;
  tradeCount = 0;
  isLogging = true;
  readonly onTrade = new Set<(trade: TradingFrame["data"]) => void>();
  #endings: (() => void)[] = [];
  #anchor: { virtual: number; real: number } | undefined;

  constructor(readonly address: Address) {
    const base = location.origin.replace(/^http/, "ws");
    this.client = connect(`${base}/ws`, connectionOf(address));
    this.control = () => Market.at(location.origin, this.status?.market ?? address.market ?? "main");
    const { client } = this;
    client.on("connection", (state) => this.#connected(state));
    client.on("status", (status) => this.#greeted(status));
    client.on("market", (market) => this.#marketChanged(market));
    client.on("frame", (frame) => this.#log(frame));
    client.on("gap", (gap) => this.#lost(gap));
    client.on("recovered", ({ stream }) => { this.recovered += 1; this.note(`${stream}: what was lost has come`, "info"); });
    client.on("stale", () => this.topics.tell("connection"));
    client.on("malformed", ({ reason }) => { this.malformed += 1; this.note(`a frame is not to be believed: ${reason}`, "bad"); });
    client.on("error", (error) => this.note(`${error.code}: ${error.message}${error.hint ? ` (${error.hint})` : ""}`, "bad"));
    client.on("message", (message) => {
      this.heardAt = Date.now();
      if (message.event === "heartbeat") this.heartbeatAt = this.heardAt;
      if (message.event === "done") {
        this.#anchor = { virtual: message.virtual_time, real: this.heardAt };
        this.topics.tell("market");
      }
    });
  }

  /** The description of a symbol: its steps and decimals. */
  info(symbol: string): SymbolInfo | undefined {
    return this.status?.symbols.find((each) => each.symbol === symbol);
  }

  /** The present market time in milliseconds, carried on between messages by the market's speed. */
  get virtualTime(): number | undefined {
    const anchor = this.#anchor;
    if (anchor === undefined) return undefined;
    const { state, speed } = this.market ?? this.status!;
    return state === "running" && typeof speed === "number" ? anchor.virtual + (Date.now() - anchor.real) * speed : anchor.virtual;
  }

  /** Show another symbol, interval or depth: subscribe to its streams in place of the former ones. */
  show(symbol: string, depth: number): void {
    for (const end of this.#endings) end();
    this.trades = [];
    this.ticker = this.book = this.symbolStatus = undefined;
    const { client } = this;
    this.#endings = [
      client.subscribe({ channel: "trading", symbol, history: KEPT_TRADES }, (frame) => frame.channel === "trading" && this.#trade(frame)),
      client.subscribe({ channel: "ticker", symbol }, (frame) => {
        if (frame.channel === "ticker") { this.ticker = frame.data; this.topics.tell("ticker"); }
      }),
      client.subscribe({ channel: "status", symbol }, (frame) => {
        if (frame.channel === "status") { this.symbolStatus = frame.data; this.topics.tell("status"); }
      }),
      client.book({ symbol, depth }, (book) => { this.book = book; this.topics.tell("book"); }),
    ];
    this.topics.tell("trades");
  }

  /** Write a line into the connection's history. */
  note(text: string, level: Happening["level"] = "info"): void {
    this.happenings = [{ at: Date.now(), text, level }, ...this.happenings].slice(0, KEPT_HAPPENINGS);
    this.topics.tell("happenings");
  }

  /** End the connection. */
  close(): void {
    this.client.close();
    this.topics.close();
  }

  #connected(state: ConnectionState): void {
    this.connection = state;
    if (state.code !== undefined) {
      this.closed = state;
      const clean = state.wasClean ? "clean" : "not clean";
      const then = state.state === "closed" ? "for good" : `again in ${((state.retryIn ?? 0) / 1000).toFixed(1)} s`;
      this.note(`closed with ${state.code}${state.reason ? ` "${state.reason}"` : ""}, ${clean}; ${then}`, "bad");
    } else {
      this.note(state.state === "open" ? "connected" : state.state);
    }
    this.topics.tell("connection");
  }

  #greeted(status: StatusEvent): void {
    this.status = status;
    this.market = undefined;
    this.#anchor = { virtual: status.virtual_time, real: Date.now() };
    this.topics.tell("market", "connection");
  }

  #marketChanged(market: MarketChangedEvent): void {
    const before = this.market?.epoch ?? this.status?.epoch;
    this.market = market;
    this.#anchor = { virtual: market.virtual_time, real: Date.now() };
    if (before !== market.epoch) {
      this.trades = [];
      this.note(`a new epoch: ${market.epoch}`);
    }
    this.topics.tell("market", "trades");
  }

  #trade(frame: TradingFrame): void {
    this.tradeCount += 1;
    this.trades = [frame.data, ...this.trades.slice(0, KEPT_TRADES - 1)];
    for (const listener of this.onTrade) listener(frame.data);
    this.topics.tell("trades");
  }

  #lost(gap: Gap): void {
    this.gaps += 1;
    const what = gap.reason === "damaged" ? "a checksum is wrong" : `${gap.missed} after seq ${gap.after}`;
    this.note(`${gap.stream}: ${what} (${gap.reason})`, "warn");
  }

  #log({ direction, text }: { direction: "in" | "out"; text: string }): void {
    this.frameCount += 1;
    if (!this.isLogging) return;
    this.frames.push({ number: this.frameCount, direction, text, at: Date.now() });
    if (this.frames.length > KEPT_FRAMES * 1.25) this.frames = this.frames.slice(-KEPT_FRAMES);
    this.topics.tell("frames");
  }
}
