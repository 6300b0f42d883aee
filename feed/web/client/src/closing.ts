import type { ClosingEvent } from "./messages.js";

/** Advice for a client whose connection has been closed. */
export type Reconnect = ClosingEvent["reconnect"];

/** What to do after a close code; codes that are not listed ask for a back-off. */
const RECONNECT: Record<number, Reconnect> = {
  1000: "never", 1003: "never", 1007: "never", 1009: "never",
  4401: "never", 4403: "never", 4408: "now", 4410: "never", 4499: "now",
};

/** Return whether a client whose connection was closed with this code should connect again. */
export const reconnectAfter = (code: number): Reconnect => RECONNECT[code] ?? "back_off";
