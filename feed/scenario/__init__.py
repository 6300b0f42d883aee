"""Scenario files: the character of a market and the events in it, as people write them."""
