"""Plain HTTP on the WebSocket port: routes, pages, history and metrics."""
