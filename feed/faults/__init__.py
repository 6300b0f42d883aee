"""Faults injected between a market and a client on purpose. Each kind is one file and one registry line."""
