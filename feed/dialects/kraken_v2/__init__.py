"""Kraken's WebSocket API, version 2: market data as that exchange says it."""
