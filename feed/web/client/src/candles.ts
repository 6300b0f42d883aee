import type { CandleData } from "./messages.js";

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
export class CandleSeries {
  readonly candles: Candle[] = [];

  constructor(readonly symbol: string, readonly interval: string, private readonly limit = 100_000) {}

  /** Take the object of a message, or of `GET /markets/NAME/candles`, and return the candle that it became. */
  apply(data: CandleData): Candle {
    const { time, closed } = data;
    const [open, high, low, close, volume] = [data.open, data.high, data.low, data.close, data.volume].map(Number) as
      [number, number, number, number, number];
    const candle = { time, open, high, low, close, volume, closed };
    const at = this.#place(time);
    this.candles.splice(at, this.candles[at]?.time === time ? 1 : 0, candle);
    if (this.candles.length > this.limit) this.candles.splice(0, this.candles.length - this.limit);
    return candle;
  }

  /** Forget all candles, because the market began anew. */
  clear(): void {
    this.candles.length = 0;
  }

  #place(time: number): number {
    let at = this.candles.length;
    while (at > 0 && this.candles[at - 1]!.time >= time) at -= 1;
    return at;
  }
}
