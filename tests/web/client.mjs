// Uses feed.js in Node.js as an application would, and prints one line of JSON for each check.
// Arguments: the path of feed.js, the address of the server, the checks to run (all where none is named).
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [path, base, ...wanted] = process.argv.slice(2);
const { connect, Market, FeedError, OrderBook } = await import(pathToFileURL(path).href);
const { WebSocket } = createRequire(`${process.env.FEED_NODE_MODULES}/`)("ws");
const address = base.replace(/^http/, "ws");
const PATIENCE = 60_000;
const BTC = { channel: "trading", symbol: "BTC/USD" };

const until = (condition, what) => new Promise((resolve, reject) => {
  const begun = Date.now();
  const timer = setInterval(() => {
    if (condition()) { clearInterval(timer); resolve(undefined); }
    else if (Date.now() - begun > PATIENCE) { clearInterval(timer); reject(new Error(`waited in vain: ${what}`)); }
  }, 10);
});
const equal = (found, expected, what) => {
  if (JSON.stringify(found) !== JSON.stringify(expected)) throw new Error(`${what}: ${JSON.stringify(found)} is not ${JSON.stringify(expected)}`);
};
const open = (name, options = {}) => connect(address, { WebSocket, market: name, scenario: "calm", speed: 20, backOff: { first: 20 }, ...options });

/** Collect trades until there are `count`; each must follow the one before it. */
async function gapless(client, count) {
  const seqs = [];
  client.subscribe(BTC, (message) => seqs.push(message.seq));
  await until(() => seqs.length >= count, `${count} trades, there are ${seqs.length}`);
  for (let index = 1; index < seqs.length; index++) equal(seqs[index], seqs[index - 1] + 1, "the seq after a message");
  return seqs;
}

const CHECKS = {
  async "trades, books and candles come, and checksums are right"() {
    const client = open("plain");
    const closes = [];
    client.on("connection", (state) => { if (state.code !== undefined) closes.push(state); });
    let book, candles;
    client.book({ symbol: "BTC/USD", depth: 25 }, (found) => (book = found));
    client.candles({ symbol: "BTC/USD", interval: "1s" }, (found) => (candles = found));
    await gapless(client, 50);
    await until(() => book?.seq > 10 && candles?.candles.length > 2, "a book and candles");
    if (!(book.bid[0] < book.ask[0])) throw new Error("the book is crossed");
    equal([client.lost, client.reconnects, closes], [0, 0, []], "losses, reconnects and closes");
    client.close();
  },
  async "dropped messages are asked for again"() {
    const client = open("dropping", { faults: [{ kind: "drop", channel: "trading", seq: 20, count: 3 }] });
    const gaps = [], recovered = [];
    client.on("gap", (gap) => gaps.push(gap));
    client.on("recovered", (found) => recovered.push(found));
    await gapless(client, 60);
    equal([gaps.length, recovered.length, client.lost], [1, 1, 0], "gaps, repairs and losses");
    client.close();
  },
  async "a reset connection is resumed"() {
    const client = open("resetting", { faults: [{ kind: "reset", after: 30 }] });
    const closes = [];
    client.on("connection", (state) => { if (state.code !== undefined) closes.push(state); });
    await gapless(client, 50);
    equal([closes[0].code, closes[0].wasClean, closes[0].state], [1006, false, "waiting"], "the close");
    client.close();
  },
  async "late messages are no losses"() {
    const client = open("late", { faults: [{ kind: "delay", by: "30ms", jitter: "20ms", channel: "trading" }] });
    await gapless(client, 50);
    equal(client.lost, 0, "losses");
    client.close();
  },
  async "commands are methods, and refusals are errors"() {
    const client = open("commanded", { paused: true });
    const seqs = [];
    client.subscribe(BTC, (message) => seqs.push(message.seq));
    await until(() => client.progress.streams.length === 1, "a subscription");
    const done = await client.market.step({ count: 5, symbol: "BTC/USD" });
    equal(done.state, "paused", "the state");
    equal(seqs.length, done.trades, "trades of the step");
    const before = seqs.length;
    const sought = await client.market.seek("00:05:00");
    await client.market.step({ count: 1, symbol: "BTC/USD" });
    equal(client.progress.epoch, sought.epoch, "the epoch");
    equal(seqs[before], 1, "the first seq of the new epoch");
    const refusal = await client.market.step({ count: 0 }).catch((error) => error);
    equal([refusal instanceof FeedError, refusal.code, refusal.field], [true, "INVALID_REQUEST", "count"], "the refusal");
    client.close();
  },
  async "a market is commanded by HTTP"() {
    const market = await Market.open(base, "by-http", { scenario: "flash-crash", seed: 3, paused: true });
    const client = connect(market.url, { WebSocket });
    let trade;
    client.subscribe(BTC, (message) => (trade = message.data));
    await until(() => client.progress.streams.length === 1, "a subscription");
    await market.step({ count: 3 });
    await until(() => trade !== undefined, "a trade");
    equal((await market.info()).scenario, "flash-crash", "the scenario");
    equal((await market.candles({ symbol: "BTC/USD", limit: 10 })).length, 10, "candles of the past");
    const refusal = await Market.open(base, "by-http", { scenario: "halt" }).catch((error) => error);
    equal(refusal.code, "MARKET_EXISTS", "the refusal");
    const closed = new Promise((resolve) => client.on("connection", (state) => state.state === "closed" && resolve(state)));
    await market.end();
    const { code, wasClean } = await closed;
    equal([code, wasClean], [4410, true], "the close of a market that is over");
  },
  async "a subscription of all symbols survives a break"() {
    const client = connect(address, { WebSocket, market: "all", scenario: "majors", speed: 2, backOff: { first: 20 }, faults: [{ kind: "reset", after: 100 }] });
    const last = new Map();
    client.subscribe({ channel: "trading", symbol: "*" }, ({ symbol, seq }) => {
      if (last.has(symbol)) equal(seq, last.get(symbol) + 1, `the seq of ${symbol}`);
      last.set(symbol, seq);
    });
    await until(() => client.reconnects > 0 && last.size === 5 && [...last.values()].every((seq) => seq > 20), "trades of five symbols");
    client.close();
  },
  async "a book whose checksum is wrong is renewed"() {
    const book = new OrderBook("X", 10, { symbol: "X", price_decimals: 2, size_decimals: 3, tick_size: 0.01, lot_size: 0.001 });
    const snapshot = { symbol: "X", depth: 10, bids: [[9.5, 1], [9, 2]], asks: [[10, 1]], checksum: 0, timestamp: 1 };
    book.apply(snapshot, "snapshot", 1);
    const checksum = book.checksum();
    equal(book.apply({ ...snapshot, checksum }, "snapshot", 1), true, "the right checksum");
    equal(book.apply({ ...snapshot, bids: [[9.5, 0]], asks: [], checksum }, "update", 2), false, "a checksum of another book");
    equal(book.bids, [[9, 2]], "the bids");
  },
};

for (const [name, check] of Object.entries(CHECKS)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  try {
    await check();
    console.log(JSON.stringify({ name, error: null }));
  } catch (error) {
    console.log(JSON.stringify({ name, error: String(error.stack ?? error) }));
  }
}
process.exit(0);
