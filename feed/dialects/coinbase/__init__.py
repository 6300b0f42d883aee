"""Coinbase Exchange: market data in the wire format of that exchange."""
