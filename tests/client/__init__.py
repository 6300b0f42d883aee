"""Tests of the client with real servers."""
