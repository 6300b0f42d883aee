"""The client: connects, subscribes, comes back, and gives what came as typed messages or as a table."""
