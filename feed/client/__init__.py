"""Client that connects, subscribes, reconnects, and returns typed messages or a table."""
