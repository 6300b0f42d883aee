"""Tests of the books around trades."""
