import {
  CandlestickSeries, createChart, CrosshairMode, HistogramSeries, type CandlestickData, type HistogramData,
  type IChartApi, type ISeriesApi, type UTCTimestamp,
} from "lightweight-charts";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Candle, CandleData } from "/feed.js";
import type { Session } from "./session.js";
import { reasonOf } from "./text.js";

/** Intervals of candles, in the order of their length. */
export const INTERVALS = ["1s", "5s", "15s", "1m", "5m", "15m", "1h", "4h", "1d"];

/** Candles loaded at once, and each time that the chart is scrolled to its beginning. */
const PAGE = 2_000;

/** Bars between the left edge and the first candle below which older ones are loaded. */
const NEAR_THE_BEGINNING = 50;

/** Whether history is on its way, and why it can't be had. */
interface ChartState {
  isLoading: boolean;
  failure?: string;
}

interface Colours {
  up: string;
  down: string;
  text: string;
  line: string;
  back: string;
}

function colours(): Colours {
  const style = getComputedStyle(document.documentElement);
  const read = (name: string) => style.getPropertyValue(name).trim();
  return { up: read("--up"), down: read("--down"), text: read("--dim"), line: read("--line"), back: read("--panel") };
}

/** Chart of one symbol and interval: history, the live candle, and older candles as it is scrolled. */
class Chart {
  readonly #chart: IChartApi;
  readonly #bars: ISeriesApi<"Candlestick">;
  readonly #volumes: ISeriesApi<"Histogram">;
  #candles: CandleData[] = [];
  #isLoading = false;
  #isWhole = false;
  #isClosed = false;
  #waiting: Candle[] = [];
  #colours = colours();
  readonly #endings: (() => void)[];

  constructor(place: HTMLElement, private readonly session: Session, private readonly symbol: string, private readonly interval: string,
    private readonly tell: (state: ChartState) => void) {
    this.#chart = createChart(place, { autoSize: true, layout: { attributionLogo: false }, crosshair: { mode: CrosshairMode.Normal }, timeScale: { secondsVisible: true, timeVisible: true, rightOffset: 4 } });
    const decimals = session.info(symbol)?.price_decimals ?? 2;
    this.#bars = this.#chart.addSeries(CandlestickSeries, { borderVisible: false, priceFormat: { type: "price", precision: decimals, minMove: 10 ** -decimals } });
    this.#volumes = this.#chart.addSeries(HistogramSeries, { priceScaleId: "volume", priceFormat: { type: "volume" }, lastValueVisible: false, priceLineVisible: false });
    this.#chart.priceScale("volume").applyOptions({ scaleMargins: { top: 0.82, bottom: 0 } });
    this.#bars.priceScale().applyOptions({ scaleMargins: { top: 0.06, bottom: 0.22 } });
    this.paint();
    this.#chart.timeScale().subscribeVisibleLogicalRangeChange((range) => {
      if (range !== null && range.from < NEAR_THE_BEGINNING) void this.#loadOlder();
    });
    let epoch = session.client.progress.epoch;
    const renew = () => {
      if (session.client.progress.epoch === epoch) return;
      epoch = session.client.progress.epoch;
      void this.load();
    };
    this.#endings = [
      session.client.candles({ symbol, interval }, (_, changed) => this.#live(changed)),
      session.topics.listen(["market"], renew),
    ];
    void this.load();
  }

  /** Load the newest candles, in place of those that are shown. */
  async load(): Promise<void> {
    this.#isLoading = true;
    this.#waiting = [];
    this.tell({ isLoading: true });
    try {
      this.#candles = await this.session.control().candles({ symbol: this.symbol, interval: this.interval, limit: PAGE });
      if (this.#isClosed) return;
      this.#isWhole = false;
      this.#draw();
      this.#chart.timeScale().setVisibleLogicalRange({ from: this.#candles.length - 110, to: this.#candles.length + 4 });
      this.tell({ isLoading: false });
    } catch (error) {
      if (!this.#isClosed) this.tell({ isLoading: false, failure: reasonOf(error) });
    } finally {
      this.#isLoading = false;
      for (const candle of this.#waiting.splice(0)) this.#live(candle);
    }
  }

  /** Take the colours of the page's theme. */
  paint(): void {
    const { up, down, text, line, back } = (this.#colours = colours());
    this.#chart.applyOptions({
      layout: { background: { color: back }, textColor: text, fontFamily: "inherit", attributionLogo: false },
      grid: { vertLines: { color: line }, horzLines: { color: line } },
      rightPriceScale: { borderColor: line },
      timeScale: { borderColor: line },
    });
    this.#bars.applyOptions({ upColor: up, downColor: down, wickUpColor: up, wickDownColor: down });
    if (this.#candles.length > 0) this.#draw();
  }

  /** How many candles are loaded. */
  get count(): number { return this.#candles.length; }

  close(): void {
    this.#isClosed = true;
    for (const end of this.#endings) end();
    this.#chart.remove();
  }

  #draw(): void {
    this.#bars.setData(this.#candles.map(bar));
    this.#volumes.setData(this.#candles.map((candle) => this.#volume(candle)));
  }

  #live(candle: Candle): void {
    if (this.#isClosed) return;
    if (this.#isLoading) {
      this.#waiting.push(candle);
      return;
    }
    const last = this.#candles.at(-1);
    if (last !== undefined && candle.time < last.time) return;
    const kept = candle as unknown as CandleData;
    if (last?.time === candle.time) this.#candles[this.#candles.length - 1] = kept;
    else this.#candles.push(kept);
    this.#bars.update(bar(candle));
    this.#volumes.update(this.#volume(candle));
  }

  async #loadOlder(): Promise<void> {
    const first = this.#candles[0];
    if (this.#isLoading || this.#isWhole || first === undefined) return;
    this.#isLoading = true;
    try {
      const older = await this.session.control().candles({ symbol: this.symbol, interval: this.interval, to: first.time * 1000, limit: PAGE });
      const before = older.filter((candle) => candle.time < first.time);
      this.#isWhole = before.length === 0;
      if (this.#isClosed || this.#isWhole) return;
      const range = this.#chart.timeScale().getVisibleLogicalRange();
      this.#candles = [...before, ...this.#candles];
      this.#draw();
      if (range !== null) this.#chart.timeScale().setVisibleLogicalRange({ from: range.from + before.length, to: range.to + before.length });
    } catch (error) {
      this.#isWhole = true;
      this.session.note(`older candles can't be had: ${reasonOf(error)}`, "warn");
    } finally {
      this.#isLoading = false;
      for (const candle of this.#waiting.splice(0)) this.#live(candle);
    }
  }

  #volume(candle: Candle | CandleData): HistogramData<UTCTimestamp> {
    const colour = Number(candle.close) >= Number(candle.open) ? this.#colours.up : this.#colours.down;
    return { time: candle.time as UTCTimestamp, value: Number(candle.volume), color: `${colour}80` };
  }
}

const bar = (candle: Candle | CandleData): CandlestickData<UTCTimestamp> => ({
  time: candle.time as UTCTimestamp,
  open: Number(candle.open),
  high: Number(candle.high),
  low: Number(candle.low),
  close: Number(candle.close),
});

/** Draw the candles of a symbol, with volume. */
export function ChartView({ session, symbol, interval, theme }: { session: Session; symbol: string; interval: string; theme: string }) {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<Chart>();
  const [{ isLoading, failure }, setState] = useState<ChartState>({ isLoading: true });
  useEffect(() => {
    const made = new Chart(place.current!, session, symbol, interval, setState);
    chart.current = made;
    // For whoever looks into the page from a test or from the console.
    place.current!.dataset["interval"] = interval;
    return () => made.close();
  }, [session, symbol, interval]);
  useEffect(() => chart.current?.paint(), [theme]);
  return (
    <div class="chart" role="group" aria-label={`Candles of ${symbol}, ${interval} each, with volume`}>
      <div class="chart-place" ref={place} />
      <a class="attribution" href="https://www.tradingview.com/" rel="noreferrer" target="_blank">TradingView Lightweight Charts™</a>
      {isLoading && <p class="overlay dim">Loading history</p>}
      {failure && <p class="overlay bad">No history: {failure} <button onClick={() => void chart.current?.load()}>Try again</button></p>}
    </div>
  );
}
