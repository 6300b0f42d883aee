import { BackOff, type BackOffLimits } from "./backoff.js";
import { OrderBook } from "./book.js";
import { CandleSeries, type Candle } from "./candles.js";
import { reconnectAfter, type Reconnect } from "./closing.js";
import { Commands, type Done, type Fault } from "./commands.js";
import { Emitter } from "./emitter.js";
import { FeedError } from "./errors.js";
import type {
  ClientMessage, CommandDoneEvent, ErrorEvent, MarketChangedEvent, ServerMessage, StatusEvent, SubscribedEvent,
} from "./messages.js";
import { Progress, type Gap } from "./progress.js";
import { keyOf, streamOf, type DataMessage, type Stream } from "./streams.js";
import { Subscription, type Wish } from "./subscription.js";
import { readMessage } from "./validity.js";

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
  frame: { direction: "in" | "out"; text: string };
  status: StatusEvent;
  market: MarketChangedEvent;
  gap: Gap;
  /** The lost messages of a stream have come after all. */
  recovered: { stream: string };
  stale: boolean;
  malformed: { reason: string; text: string };
  error: ErrorEvent;
}

const MARKET_KEYS = ["market", "scenario", "seed", "speed", "at", "anchor", "paused", "client", "heartbeat"] as const;

/** Milliseconds between two looks at what is overdue. */
const TICK = 250;

/** Milliseconds after which a repair that was not answered is tried again. */
const REPAIR_WAIT = 2_000;

/** Return the URL of a connection: the options of a market become keys of the query. */
export function addressOf(url: string, options: ConnectOptions = {}): string {
  const address = new URL(url);
  for (const key of MARKET_KEYS) if (options[key] !== undefined) address.searchParams.set(key, String(options[key]));
  const { faults } = options;
  if (faults !== undefined) address.searchParams.set("faults", typeof faults === "string" ? faults : JSON.stringify(faults));
  return address.href;
}

/** Connection to a feed server that reconnects, resumes without loss, and knows when its data is stale. */
export class FeedClient extends Emitter<ClientEvents> {
  readonly url: string;
  readonly progress = new Progress();
  status: StatusEvent | undefined;
  isStale = false;
  reconnects = 0;
  lost = 0;

  #socket: WebSocket | undefined;
  #isClosed = false;
  #attempt = 0;
  #heardAt = 0;
  #advice: Reconnect | undefined;
  #ids = 0;
  readonly #backOff: BackOff;
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #commands = new Map<string, { resolve: (done: Done) => void; reject: (error: FeedError) => void }>();
  readonly #repairs = new Map<string, { gap: Gap; at: number }>();
  #retry: ReturnType<typeof setTimeout> | undefined;
  readonly #ticking: ReturnType<typeof setInterval>;

  constructor(url: string, private readonly options: ConnectOptions = {}) {
    super();
    this.url = addressOf(url, options);
    this.#backOff = new BackOff(options.backOff);
    this.#ticking = setInterval(() => this.#tick(), TICK);
    // Listeners that are added right after the call hear the first attempt as well.
    queueMicrotask(() => this.#open());
  }

  /** The commands of this connection's market. */
  readonly market: Commands = new SocketCommands((action, keys) => this.#command(action, keys));

  /** Receive one or more streams; returns a function that ends the subscription. */
  subscribe(wish: Wish, listener: (message: DataMessage) => void): () => void {
    const subscription = new Subscription(this.#id("s"), wish, listener);
    this.#subscriptions.set(subscription.id, subscription);
    if (this.#isOpen) this.#ask(subscription);
    return () => this.#unsubscribe(subscription);
  }

  /** Keep an order book; `listener` is called after each change, with a book whose checksum is right. */
  book(wish: { symbol: string; depth?: number }, listener: (book: OrderBook) => void): () => void {
    let book: OrderBook | undefined;
    return this.subscribe({ channel: "book", ...wish }, (message) => {
      if (message.channel !== "book") return;
      const info = this.status?.symbols.find((each) => each.symbol === message.symbol);
      book ??= new OrderBook(message.symbol, message.data.depth, info);
      if (book.apply(message.data, message.type, message.seq)) listener(book);
      else this.#renew(streamOf(message));
    });
  }

  /** Keep the candles of a symbol; `listener` gets them all and the one that has changed. */
  candles(
    wish: { symbol: string; interval?: string; history?: number },
    listener: (series: CandleSeries, changed: Candle) => void,
  ): () => void {
    let series: CandleSeries | undefined;
    let epoch = this.progress.epoch;
    return this.subscribe({ channel: "candles", ...wish }, (message) => {
      if (message.channel !== "candles") return;
      if (series === undefined || epoch !== this.progress.epoch) series = new CandleSeries(message.symbol, message.data.interval);
      epoch = this.progress.epoch;
      listener(series, series.apply(message.data));
    });
  }

  /** Send a request as it is. */
  send(message: ClientMessage | Record<string, unknown>): boolean {
    if (!this.#isOpen) return false;
    const text = JSON.stringify(message);
    this.#socket!.send(text);
    this.emit("frame", { direction: "out", text });
    return true;
  }

  /** End the connection for good. */
  close(code = 1000, reason = ""): void {
    this.#isClosed = true;
    clearInterval(this.#ticking);
    clearTimeout(this.#retry);
    const socket = this.#socket;
    if (socket === undefined) this.#announce({ state: "closed" });
    else socket.close(code, reason);
  }

  get #isOpen(): boolean { return this.#socket?.readyState === 1; }

  #id(prefix: string): string { return `${prefix}${++this.#ids}`; }

  #announce(state: Omit<ConnectionState, "attempt">): void {
    this.emit("connection", { ...state, attempt: this.#attempt });
  }

  // The connection.

  #open(): void {
    if (this.#isClosed) return;
    this.#attempt += 1;
    this.#advice = undefined;
    this.#heardAt = Date.now();
    this.#announce({ state: "connecting" });
    const socket = new (this.options.WebSocket ?? WebSocket)(this.url);
    this.#socket = socket;
    socket.onopen = () => this.#opened();
    socket.onmessage = (event: MessageEvent) => this.#receive(event.data);
    socket.onclose = (event: CloseEvent) => this.#left(socket, event.code, event.reason, event.wasClean);
    // A failure is always followed by a close, which has all that is known.
    socket.onerror = () => undefined;
  }

  #opened(): void {
    this.#heardAt = Date.now();
    if (this.#attempt > 1) this.reconnects += 1;
    this.#announce({ state: "open" });
    if (this.options.token !== undefined) this.send({ event: "auth", token: this.options.token });
    for (const subscription of this.#subscriptions.values()) this.#ask(subscription);
  }

  #left(socket: WebSocket, code: number, reason: string, wasClean: boolean): void {
    if (socket !== this.#socket) return;
    this.#socket = undefined;
    this.progress.disconnected();
    this.#repairs.clear();
    for (const subscription of this.#subscriptions.values()) subscription.disconnected();
    for (const command of this.#commands.values()) command.reject(new FeedError("the connection was lost", "DISCONNECTED"));
    this.#commands.clear();
    this.#setStale(true);
    const closed = { code, reason, wasClean };
    const advice = this.#isClosed ? "never" : reconnectAfter(code) === "never" ? "never" : (this.#advice ?? reconnectAfter(code));
    if (advice === "never") {
      this.#isClosed = true;
      clearInterval(this.#ticking);
      this.#announce({ state: "closed", ...closed });
      return;
    }
    const isFirst = this.#backOff.failures === 0;
    const wait = this.#backOff.next();
    const retryIn = advice === "now" && isFirst ? 0 : wait;
    this.#announce({ state: "waiting", ...closed, retryIn });
    this.#retry = setTimeout(() => this.#open(), retryIn);
  }

  /** Give up a connection that is silent; its own close may never come. */
  #abandon(reason: string): void {
    const socket = this.#socket;
    if (socket === undefined) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
    this.#left(socket, 1006, reason, false);
  }

  #tick(): void {
    const now = Date.now();
    const { staleAfter = 2_500, deadAfter = 10_000 } = this.options;
    if (this.#socket === undefined) return;
    const silence = now - this.#heardAt;
    if (this.#isOpen) this.#setStale(silence > staleAfter);
    if (silence > deadAfter) {
      this.#abandon("silent");
      return;
    }
    for (const subscription of this.#subscriptions.values()) if (subscription.isOverdue(now)) this.#ask(subscription);
    for (const [key, repair] of this.#repairs) if (now - repair.at > REPAIR_WAIT) this.#retryRepair(key, repair.gap);
  }

  #setStale(isStale: boolean): void {
    if (isStale === this.isStale) return;
    this.isStale = isStale;
    this.emit("stale", isStale);
  }

  // Subscriptions.

  /** Ask for a subscription: its streams go on where they were, or it begins. */
  #ask(subscription: Subscription): void {
    const { epoch } = this.progress;
    if (subscription.keys.size === 0 || epoch === undefined) {
      subscription.sent(Date.now());
      this.send(subscription.request);
      return;
    }
    for (const { stream, seq } of this.progress.streams) {
      if (subscription.keys.has(keyOf(stream))) this.#resume(stream, { epoch, seq }, subscription.id);
    }
  }

  #resume(stream: Stream, resume: { epoch: string; seq: number }, id: string): void {
    this.send({ event: "subscribe", ...stream, resume, id });
  }

  #unsubscribe(subscription: Subscription): void {
    if (!this.#subscriptions.delete(subscription.id)) return;
    for (const { stream } of this.progress.streams) {
      const key = keyOf(stream);
      if (subscription.keys.has(key) && this.#holders(key).length === 0) {
        this.progress.unsubscribed(key);
        this.send({ event: "unsubscribe", ...stream });
      }
    }
  }

  #holders(key: string): Subscription[] {
    return [...this.#subscriptions.values()].filter((subscription) => subscription.keys.has(key));
  }

  /** Ask for a fresh snapshot of a stream whose state is wrong. */
  #renew(stream: Stream): void {
    const key = keyOf(stream);
    const holder = this.#holders(key)[0];
    if (holder === undefined || this.progress.repair(key) === undefined) return;
    this.#repairs.set(key, { gap: { stream: key, after: this.progress.seq(key) ?? 0, missed: 0, reason: "damaged" }, at: Date.now() });
    this.emit("gap", this.#repairs.get(key)!.gap);
    this.send({ event: "subscribe", ...stream, id: holder.id });
  }

  #repair(gap: Gap): void {
    const { epoch } = this.progress;
    const holder = this.#holders(gap.stream)[0];
    const from = this.progress.repair(gap.stream);
    if (holder === undefined || from === undefined || epoch === undefined) return;
    if (!this.#repairs.has(gap.stream)) this.emit("gap", gap);
    this.#repairs.set(gap.stream, { gap, at: Date.now() });
    this.#resume(from.stream, { epoch, seq: from.seq }, holder.id);
  }

  #retryRepair(key: string, gap: Gap): void {
    this.progress.disconnected();
    if (gap.reason === "damaged") {
      const position = this.progress.streams.find(({ stream }) => keyOf(stream) === key);
      if (position !== undefined) this.#renew(position.stream);
    } else {
      this.#repair(gap);
    }
  }

  // Messages.

  #receive(payload: unknown): void {
    this.#heardAt = Date.now();
    this.#setStale(false);
    const text = typeof payload === "string" ? payload : "";
    this.emit("frame", { direction: "in", text });
    const message = readMessage(payload);
    if (typeof message === "string") {
      // Where it stood in its stream is a hole now, which the next message or heartbeat shows.
      this.emit("malformed", { reason: message, text });
      return;
    }
    this.emit("message", message);
    this.#handle(message);
  }

  #handle(message: ServerMessage): void {
    switch (message.event) {
      case "data": return this.#data(message);
      case "status": return this.#greeted(message);
      case "subscribed": return this.#subscribed(message);
      case "unsubscribed": return this.#unsubscribed(keyOf({ ...message }));
      case "heartbeat": return this.#heartbeat(message.last, () => this.progress.heard(message));
      case "market": return this.#marketChanged(message);
      case "done": return this.#done(message);
      case "error": return this.#refused(message);
      case "ping": return void this.send({ event: "pong", timestamp: message.timestamp });
      case "closing": this.#advice = message.reconnect;
    }
  }

  #data(message: DataMessage): void {
    // Data, and not the greeting, shows that the server is well: one that closes at once is not called without end.
    this.#backOff.reset();
    const key = keyOf(streamOf(message));
    const verdict = this.progress.judge(message);
    if (verdict.take) for (const holder of this.#holders(key)) holder.listener(message);
    else if (verdict.gap !== undefined) this.#repair(verdict.gap);
  }

  #greeted(message: StatusEvent): void {
    this.status = message;
    this.progress.enter(message.epoch);
    this.emit("status", message);
  }

  #subscribed(message: SubscribedEvent): void {
    this.progress.enter(message.epoch);
    const key = keyOf(streamOf(message));
    const holder = this.#subscriptions.get(String(message.id)) ?? this.#holders(key)[0];
    holder?.answered(key);
    const repair = this.#repairs.get(key);
    this.#repairs.delete(key);
    const gap = this.progress.subscribed(message);
    if (gap !== undefined) {
      this.lost += gap.missed;
      this.emit("gap", gap);
    } else if (repair !== undefined) {
      this.emit("recovered", { stream: key });
    }
  }

  #unsubscribed(key: string): void {
    const holder = this.#holders(key)[0];
    this.progress.unsubscribed(key);
    if (holder === undefined) return;
    // The server ended what the application still wants.
    holder.keys.delete(key);
    this.#ask(holder);
  }

  #heartbeat(last: unknown, find: () => Gap[]): void {
    if (typeof last !== "object" || last === null) return;
    this.#backOff.reset();
    for (const gap of find()) this.#repair(gap);
  }

  #marketChanged(message: MarketChangedEvent): void {
    this.progress.enter(message.epoch);
    this.emit("market", message);
  }

  #refused(message: ErrorEvent): void {
    const id = String(message.id);
    const command = this.#commands.get(id);
    this.#commands.delete(id);
    command?.reject(FeedError.of(message));
    if (message.id !== undefined && message.code !== "RATE_LIMITED" && this.#subscriptions.get(id)?.keys.size === 0) {
      this.#subscriptions.delete(id);
    }
    this.emit("error", message);
  }

  #done(message: CommandDoneEvent): void {
    const command = this.#commands.get(String(message.id));
    this.#commands.delete(String(message.id));
    const { event: _event, id: _id, ...done } = message;
    command?.resolve(done);
  }

  #command(action: string, keys: Record<string, unknown>): Promise<Done> {
    const id = this.#id("c");
    return new Promise((resolve, reject) => {
      this.#commands.set(id, { resolve, reject });
      if (!this.send({ event: "control", action, ...keys, id })) {
        this.#commands.delete(id);
        reject(new FeedError("there is no connection", "DISCONNECTED"));
      }
    });
  }
}

/** Commands that travel on the socket. */
class SocketCommands extends Commands {
  constructor(private readonly give: (action: string, keys: Record<string, unknown>) => Promise<Done>) {
    super();
  }

  act(action: string, keys: Record<string, unknown> = {}): Promise<Done> {
    return this.give(action, keys);
  }
}

/** Connect to a feed server, such as `ws://127.0.0.1:8765`. */
export const connect = (url: string, options: ConnectOptions = {}): FeedClient => new FeedClient(url, options);
