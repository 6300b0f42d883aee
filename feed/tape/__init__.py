"""Recordings: the one file format, written while a market runs, recovered, read back and replayed."""
