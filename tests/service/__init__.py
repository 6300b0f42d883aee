"""Tests of `feed.service`."""
