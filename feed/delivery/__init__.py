"""Delivery: frames, outboxes, and the fan-out that hands the same bytes to every subscriber."""
