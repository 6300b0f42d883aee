"""The network edge: one port for WebSocket connections and for HTTP."""
