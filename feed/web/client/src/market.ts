import { Commands, type Done, type Fault } from "./commands.js";
import { FeedError } from "./errors.js";
import type { CandleData } from "./messages.js";

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
export type View = Record<string, unknown> & { symbol: string };

/** Market on a server, commanded by HTTP: for tests in another process than the page. */
export class Market extends Commands {
  private constructor(readonly base: string, readonly name: string, private readonly token?: string) {
    super();
  }

  /** Return a market that is there already; `main` is the shared one. */
  static at(base: string, name = "main", token?: string): Market {
    return new Market(base.replace(/^ws/, "http").replace(/\/+$/, ""), name, token);
  }

  /** Make a market, or join it if it was made with the same keys. */
  static async open(base: string, name: string, keys: MarketKeys = {}, token?: string): Promise<Market> {
    const market = Market.at(base, name, token);
    const { faults, ...rest } = keys;
    const given = faults === undefined ? rest : { ...rest, faults: typeof faults === "string" ? faults : JSON.stringify(faults) };
    await market.call("POST", "", given);
    return market;
  }

  /** The address for the client under test. */
  get url(): string {
    return `${this.base.replace(/^http/, "ws")}/?market=${encodeURIComponent(this.name)}`;
  }

  act(action: string, keys: Record<string, unknown> = {}): Promise<Done> {
    return this.call("POST", `/${action}`, keys);
  }

  /** Wait until every client has read all that has been sent. */
  settle(keys: { settle_ms?: number } = {}): Promise<Record<string, unknown>> { return this.call("GET", "/settle", { ...keys }); }

  /** Return what a correct client shows after a message of a stream. */
  state(keys: { channel: string; symbol: string; seq?: number; interval?: string; depth?: number }): Promise<Record<string, unknown>> {
    return this.call("GET", "/state", { ...keys });
  }

  /** Compare what a client shows with what it must show: `ok`, or the first difference. */
  verify(view: View): Promise<Record<string, unknown>> { return this.call("GET", "/verify", view); }

  /** Return the report card of each client. */
  report(): Promise<Record<string, unknown>> { return this.call("GET", "/report"); }

  /** Return what faults were armed, and what they did to which connection. */
  faults(): Promise<Record<string, unknown>> { return this.call("GET", "/faults"); }

  /** Return candles of the past, which meet the live ones without a seam. */
  async candles(keys: { symbol: string; interval?: string; from?: number; to?: number; limit?: number }): Promise<CandleData[]> {
    return (await this.call<{ candles: CandleData[] }>("GET", "/candles", { ...keys })).candles;
  }

  /** Return phases and events of the scenario on one timeline. */
  outline(): Promise<Record<string, unknown>> { return this.call("GET", "/outline"); }

  /** Return the state of the market. */
  info(): Promise<Record<string, unknown>> { return this.call("GET", ""); }

  /** End the market; its connections are closed with 4410. */
  end(): Promise<unknown> { return this.call("DELETE", ""); }

  private async call<Answer>(method: string, path: string, keys: Record<string, unknown> = {}): Promise<Answer> {
    const query = new URLSearchParams();
    for (const [key, value] of Object.entries(keys)) {
      if (value !== undefined) query.set(key, typeof value === "object" ? JSON.stringify(value) : String(value));
    }
    const address = `${this.base}/markets/${encodeURIComponent(this.name)}${path}${query.size ? `?${query}` : ""}`;
    const headers: Record<string, string> = this.token === undefined ? {} : { Authorization: `Bearer ${this.token}` };
    const answer = await fetch(address, { method, headers });
    const body = (await answer.json()) as Answer;
    if (!answer.ok) throw FeedError.of(body as object);
    return body;
  }
}
