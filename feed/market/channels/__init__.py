"""Channels that a market publishes, one module for each kind of message."""
