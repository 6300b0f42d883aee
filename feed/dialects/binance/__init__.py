"""Binance spot: market data in the wire format of that exchange."""
