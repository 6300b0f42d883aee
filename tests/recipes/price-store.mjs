// What the recipes for Vitest and Jest test: an application's own store of prices.
export class PriceStore {
  constructor(url) {
    this.last = undefined;
    this.seq = 0;
    this.websocket = new WebSocket(url);
    this.websocket.onmessage = (event) => this.take(JSON.parse(event.data));
    this.ready = new Promise((resolve, reject) => {
      this.subscribed = resolve;
      this.websocket.onerror = () => reject(new Error(`no connection to ${url}`));
    });
    this.websocket.onopen = () =>
      this.websocket.send(JSON.stringify({event: "subscribe", channel: "trading", symbol: "BTC/USD"}));
  }

  take(message) {
    if (message.event === "subscribed") this.subscribed();
    if (message.event !== "data") return;
    this.last = message.data.price;
    this.seq = message.seq;
  }

  close() {
    this.websocket.close();
  }
}
