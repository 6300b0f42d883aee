"""Scenario files: what a market is like and what happens in it, as people write it."""
