"""Parsers of real venues' WebSocket messages, one per venue: from a message to events, without any I/O."""
