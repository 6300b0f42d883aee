"""Ids that no client of an exchange ever sees twice."""

__all__ = ["IDS"]

IDS = 10**9
"""Increase of all ids with each epoch, so that a client that reconnects never sees one twice."""
