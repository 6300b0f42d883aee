"""Report card of each client: what it did, from what the server can see of it."""
