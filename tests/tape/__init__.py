"""Files of trades as sources."""
