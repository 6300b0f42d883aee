"""Coinbase Advanced Trade: market data in the wire format of that exchange."""
