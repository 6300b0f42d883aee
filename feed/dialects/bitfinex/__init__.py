"""Bitfinex v2: market data in the wire format of that exchange."""
