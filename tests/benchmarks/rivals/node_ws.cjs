// Node's `ws` with the usual loop: clients.forEach(client => client.send(text)).
//   node node_ws.cjs LENGTH RATE DEFLATE      (RATE 0: as fast as the sockets take it; a negative one publishes nothing)
// `ws` is found by NODE_PATH. A client is a subscriber once it has sent anything.
const { WebSocketServer } = require('ws');

const [length, rate, deflate] = process.argv.slice(2).map(Number);
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: Boolean(deflate) });
const subscribers = new Set();
let seq = 1000000000;
const pad = 'x'.repeat(Math.max(0, length - text('').length));

// About what the product sends, with the clock in place of two of its keys.
function text(filling) {
  seq += 1;
  const price = 67000 + ((seq * 7919) % 1000) / 10;
  return JSON.stringify({
    event: 'data', channel: 'trading', symbol: 'BTC/USD', type: 'update', seq, sent: '@',
    data: {
      symbol: 'BTC/USD', price, size: ((seq * 104729) % 10000) / 10000, side: seq % 3 ? 'buy' : 'sell',
      bid: price - 0.5, bid_size: ((seq * 7907) % 10000) / 10000,
      ask: price + 0.5, ask_size: ((seq * 6151) % 10000) / 10000,
      timestamp: 1704067200000 + seq, pad: filling,
    },
  }).replace('"@"', String(1000000000000000000n + process.hrtime.bigint()));
}

function publish() {
  const message = text(pad);
  subscribers.forEach((client) => client.send(message));
}

server.on('listening', () => console.log(`PORT ${server.address().port}`));
server.on('connection', (client) => {
  client.on('message', () => subscribers.add(client));
  client.on('close', () => subscribers.delete(client));
  client.on('error', () => subscribers.delete(client));
});
process.stdin.on('end', () => process.exit(0)).resume();

function full() {
  for (const client of subscribers) if (client.bufferedAmount > 1 << 20) return true;
  return false;
}

function rush() {
  if (!subscribers.size || full()) return void setTimeout(rush, 1);
  for (let i = 0; i < 16; i++) publish();
  setImmediate(rush);
}

let due = performance.now();
function pace() {
  const now = performance.now();
  if (!subscribers.size || now - due > 200) due = now;
  for (; subscribers.size && due <= now; due += 1000 / rate) publish();
  setTimeout(pace, Math.max(0, due - performance.now()));
}

if (rate === 0) rush();
else if (rate > 0) pace();
