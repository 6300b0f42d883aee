import {afterEach, beforeEach, expect, test} from "vitest";
import {PriceStore} from "./price-store.mjs"; // what you test

const server = process.env.FEED_URL ?? "http://127.0.0.1:8765";
let market;

async function feed(method, path = "") {
  const answer = await fetch(`${server}/markets/${market}${path}`, {method});
  const body = await answer.json();
  if (!answer.ok) throw new Error(`${body.message}: ${body.hint}`);
  return body;
}

beforeEach(async ({task}) => {
  market = task.name.replaceAll(/[^\w.-]+/g, "-");
  await feed("POST", "?scenario=flash-crash&at=00:02:00&paused=true");
});

afterEach(() => feed("DELETE"));

test("shows the price in a crash", async () => {
  const store = new PriceStore(`${server.replace("http", "ws")}/?market=${market}`);
  await store.ready;
  await feed("POST", "/run_until?price=64500&symbol=BTC/USD&settle=true");
  const truth = await feed("GET", "/state?channel=trading&symbol=BTC/USD");
  expect(store.seq).toBe(truth.seq);
  expect(store.last).toBe(truth.last);
});
