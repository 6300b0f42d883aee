"""Real trades: files of them as sources."""
