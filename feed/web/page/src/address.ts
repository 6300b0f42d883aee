import type { ConnectOptions } from "/feed.js";

/** What the page's own address says: the market, and what is shown of it. The same address shows the same picture. */
export interface Address {
  market?: string;
  scenario?: string;
  seed?: number;
  speed?: number | "max";
  at?: string;
  paused?: boolean;
  faults?: string;
  symbol?: string;
  interval?: string;
  depth?: number;
}

const TEXTS = ["market", "scenario", "at", "faults", "symbol", "interval"] as const;

/** Read the address of the page. */
export function readAddress(search: string = location.search): Address {
  const query = new URLSearchParams(search);
  const address: Address = {};
  for (const key of TEXTS) {
    const value = query.get(key);
    if (value) address[key] = value;
  }
  const seed = query.get("seed");
  if (seed !== null && /^\d+$/.test(seed)) address.seed = Number(seed);
  const speed = query.get("speed");
  if (speed !== null) address.speed = speed === "max" ? "max" : Number(speed);
  const depth = Number(query.get("depth"));
  if ([10, 25, 100].includes(depth)) address.depth = depth;
  if (query.get("paused") === "true") address.paused = true;
  return address;
}

/** Return the query of an address; keys without a value are left out. */
export function queryOf(address: Address): string {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(address)) if (value !== undefined && value !== "") query.set(key, String(value));
  const text = query.toString();
  return text ? `?${text}` : location.pathname;
}

/** Return the part of an address that a connection asks its market with. */
export function connectionOf({ market, scenario, seed, speed, at, paused, faults }: Address): ConnectOptions {
  return { market, scenario, seed, speed, at, paused, faults, client: "live-page" };
}

/** Return a name for a new private market, that tells what is in it. */
export function newName(scenario: string, seed: number | undefined): string {
  const letters = Array.from(crypto.getRandomValues(new Uint8Array(3)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${scenario}-${seed ?? "own"}-${letters}`.slice(0, 64);
}
