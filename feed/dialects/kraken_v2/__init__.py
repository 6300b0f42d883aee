"""Kraken's WebSocket API, version 2: market data in the wire format of that exchange."""
