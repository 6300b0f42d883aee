"""feed: a fake market on a real WebSocket."""

__version__ = "0.1.0"
