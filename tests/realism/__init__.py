"""Tests of the facts that make a market look real."""
