import { useState } from "preact/hooks";
import { addressOf } from "/feed.js";
import { connectionOf, type Address } from "../address.js";

const LANGUAGES = ["browser", "feed.js", "node", "python"] as const;

/** Draw a client for what is on the screen, in four languages, to be copied. */
export function CodePanel({ address, symbol, interval, depth }: { address: Address; symbol: string; interval: string; depth: number }) {
  const [language, setLanguage] = useState<(typeof LANGUAGES)[number]>("browser");
  const [copied, setCopied] = useState(false);
  const { client: _, ...options } = connectionOf(address);
  const url = addressOf(`${location.origin.replace(/^http/, "ws")}/`, options);
  const code = CODE[language]({ url, base: location.origin, options, symbol, interval, depth });
  const copy = async () => {
    await navigator.clipboard.writeText(code);
    setCopied(true);
    setTimeout(() => setCopied(false), 1500);
  };
  return (
    <div>
      <div class="bar" role="group" aria-label="Language">
        {LANGUAGES.map((each) => <button key={each} aria-pressed={each === language} onClick={() => setLanguage(each)}>{each}</button>)}
        <button class="primary" onClick={() => void copy()}>{copied ? "Copied" : "Copy"}</button>
      </div>
      <pre class="code" data-testid="code" tabIndex={0}>{code}</pre>
    </div>
  );
}

interface Shown {
  url: string;
  base: string;
  options: object;
  symbol: string;
  interval: string;
  depth: number;
}

const requests = ({ symbol, interval, depth }: Shown) => [
  { event: "subscribe", channel: "trading", symbol },
  { event: "subscribe", channel: "book", symbol, depth },
  { event: "subscribe", channel: "candles", symbol, interval },
];

const subscribing = (shown: Shown, send: string) => requests(shown).map((each) => `  ${send}(JSON.stringify(${JSON.stringify(each)}));`).join("\n");

const CODE: Record<(typeof LANGUAGES)[number], (shown: Shown) => string> = {
  browser: (shown) => `const websocket = new WebSocket(${JSON.stringify(shown.url)});
websocket.onopen = () => {
${subscribing(shown, "websocket.send")}
};
websocket.onmessage = (event) => {
  const message = JSON.parse(event.data);
  if (message.event === "data") console.log(message.channel, message.seq, message.data);
};
websocket.onclose = (event) => console.log(event.code, event.reason, event.wasClean);`,
  "feed.js": ({ base, options, symbol, interval, depth }) => `import { connect } from ${JSON.stringify(`${base}/feed.js`)};

// Reconnects, resumes without loss, and keeps book and candles.
const client = connect(${JSON.stringify(base.replace(/^http/, "ws"))}, ${JSON.stringify(options)});
client.subscribe({ channel: "trading", symbol: ${JSON.stringify(symbol)} }, ({ data }) => console.log(data));
client.book({ symbol: ${JSON.stringify(symbol)}, depth: ${depth} }, (book) => console.log(book.bid, book.ask));
client.candles({ symbol: ${JSON.stringify(symbol)}, interval: ${JSON.stringify(interval)} }, (series, changed) => console.log(changed));
client.on("gap", (gap) => console.warn(gap));
client.on("stale", (isStale) => console.warn({ isStale }));`,
  node: (shown) => `import WebSocket from "ws"; // npm install ws

const websocket = new WebSocket(${JSON.stringify(shown.url)});
websocket.on("open", () => {
${subscribing(shown, "websocket.send")}
});
websocket.on("message", (payload) => {
  const message = JSON.parse(payload);
  if (message.event === "data") console.log(message.channel, message.seq, message.data);
});
websocket.on("close", (code, reason) => console.log(code, reason.toString()));`,
  python: (shown) => `import asyncio, json
from websockets.asyncio.client import connect

async def main():
    async with connect(${JSON.stringify(shown.url)}) as websocket:
${requests(shown).map((each) => `        await websocket.send('${JSON.stringify(each)}')`).join("\n")}
        async for text in websocket:
            message = json.loads(text)
            if message["event"] == "data":
                print(message["channel"], message["seq"], message["data"])

asyncio.run(main())`,
};
