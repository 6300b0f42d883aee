"""Recordings of market data: the file format, its writer, recovery, reader and replay."""
