import type { ServerMessage } from "./messages.js";
import type { DataMessage } from "./streams.js";

/** Largest price or size that a market has; a larger number comes from a damaged message. */
const LARGEST = 1e15;

const PRICES: Record<DataMessage["channel"], readonly string[]> = {
  trading: ["price", "bid", "ask"],
  ticker: ["last", "open", "high", "low"],
  candles: ["open", "high", "low", "close"],
  book: [],
  status: [],
};

const SIZES: Record<DataMessage["channel"], readonly string[]> = {
  trading: ["size"], ticker: ["volume"], candles: ["volume"], book: [], status: [],
};

/** Read a frame; returns the reason as text if it is no message that a client may believe. */
export function readMessage(payload: unknown): ServerMessage | string {
  if (typeof payload !== "string") return "a binary frame";
  let document: unknown;
  try {
    document = JSON.parse(payload);
  } catch {
    return "no JSON";
  }
  if (!isObject(document) || typeof document["event"] !== "string") return "no event";
  return document["event"] === "data" ? checkData(document) : (document as unknown as ServerMessage);
}

function checkData(frame: Record<string, unknown>): ServerMessage | string {
  const { channel, symbol, seq, type, data } = frame;
  if (typeof channel !== "string" || typeof symbol !== "string") return "data without a stream";
  if (!Number.isSafeInteger(seq)) return "data without a seq";
  if (type !== "snapshot" && type !== "update") return "data without a type";
  if (!isObject(data)) return "data without an object";
  if (data["symbol"] !== symbol) return "data of another symbol";
  if (!Number.isSafeInteger(data["timestamp"])) return "data without a timestamp";
  const known = channel as DataMessage["channel"];
  for (const name of PRICES[known] ?? []) if (!isAmount(data[name], false)) return `${name} is no price`;
  for (const name of SIZES[known] ?? []) if (!isAmount(data[name], true)) return `${name} is no size`;
  if (channel === "book") return checkBook(data) ?? (frame as unknown as ServerMessage);
  if (channel === "candles" && !Number.isSafeInteger(data["time"])) return "a candle without a time";
  return frame as unknown as ServerMessage;
}

function checkBook(data: Record<string, unknown>): string | undefined {
  for (const side of ["bids", "asks"]) {
    const levels = data[side];
    if (!Array.isArray(levels)) return `a book without ${side}`;
    if (!levels.every((level) => Array.isArray(level) && level.length === 2 && isAmount(level[0], false) && isAmount(level[1], true))) {
      return `a level of ${side} is no price and size`;
    }
  }
  return undefined;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Tell whether a value is a decimal, as a number or (after `?numbers=string`) as text, and in the possible range. */
function isAmount(value: unknown, zero: boolean): boolean {
  if (typeof value !== "number" && !(typeof value === "string" && value !== "")) return false;
  const number = Number(value);
  return number <= LARGEST && (zero ? number >= 0 : number > 0);
}
