import { useEffect, useRef, useState } from "preact/hooks";
import { connect, type Candle } from "/feed.js";
import type { Outline } from "./outline.js";
import { length } from "./text.js";

/** Candles that a preview has about. */
const BARS = 160;

/** Market time after which the preview of a scenario without an end stops, in milliseconds. */
const LONGEST = 2 * 3_600_000;

const INTERVALS: [string, number][] = [["1s", 1], ["5s", 5], ["15s", 15], ["1m", 60], ["5m", 300], ["15m", 900], ["1h", 3600], ["4h", 14_400]];

const WIDTH = 480;
const HEIGHT = 180;

/** Draw the price of a draft, by playing it in a market of its own as fast as it goes. */
export function Preview({ draft, outline }: { draft: string; outline: Outline }) {
  const [candles, setCandles] = useState<readonly Candle[]>([]);
  const [isDone, setDone] = useState(false);
  const drawn = useRef(0);
  const [symbol] = outline.symbols;
  const until = Math.min(outline.script_end ?? LONGEST, LONGEST);
  const [interval] = INTERVALS.find(([, seconds]) => until / 1000 / seconds <= BARS) ?? INTERVALS.at(-1)!;
  useEffect(() => {
    if (symbol === undefined) return undefined;
    setDone(false);
    const client = connect(`${location.origin.replace(/^http/, "ws")}/ws`, { scenario: `draft:${draft}`, speed: "max", client: "preview" });
    const found = new Map<number, Candle>();
    const finish = () => {
      setCandles([...found.values()]);
      setDone(true);
      client.close();
    };
    client.candles({ symbol, interval }, (_, candle) => {
      if (candle.time * 1000 >= outline.start) found.set(candle.time, candle);
      if (candle.time * 1000 > outline.start + until) finish();
      else if (performance.now() - drawn.current > 100) { drawn.current = performance.now(); setCandles([...found.values()]); }
    });
    client.on("market", (market) => { if (market.state === "ended") finish(); });
    return () => client.close();
  }, [draft, symbol, interval, until]);
  const low = Math.min(...candles.map((candle) => candle.low));
  const high = Math.max(...candles.map((candle) => candle.high));
  const x = (ms: number) => (ms / until) * WIDTH;
  const y = (price: number) => HEIGHT - 8 - ((price - low) / (high - low || 1)) * (HEIGHT - 30);
  return (
    <figure>
      <svg class="preview" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={`Preview of ${outline.name}`} data-testid="preview" data-bars={candles.length}>
        {outline.phases.map((phase, index) => (
          <g key={phase.at}>
            <rect x={x(phase.at)} y={0} width={x(phase.for ?? until - phase.at)} height={HEIGHT} class={index % 2 ? "band odd" : "band"} />
            <text x={x(phase.at) + 3} y={12}>{phase.name}</text>
          </g>
        ))}
        {outline.events.map((event) => <rect key={`${event.kind}${event.at}`} x={x(event.at)} y={HEIGHT - 4} width={Math.max(2, x(event.for))} height={4} class="event"><title>{event.kind}</title></rect>)}
        {candles.map((candle) => {
          const at = x(candle.time * 1000 - outline.start);
          const isUp = candle.close >= candle.open;
          return <path key={candle.time} class={isUp ? "up" : "down"} d={`M${at} ${y(candle.high)}V${y(candle.low)}M${at - 1} ${y(candle.open)}H${at + 1}V${y(candle.close)}H${at - 1}Z`} />;
        })}
      </svg>
      <figcaption class="dim">{symbol}, {interval} candles{isDone ? "" : ", drawing"}; {length(until)} of market time</figcaption>
    </figure>
  );
}
