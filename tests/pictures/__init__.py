"""Tests of `feed.pictures`."""
