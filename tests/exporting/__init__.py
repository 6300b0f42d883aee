"""Exports of recordings, opened by the programs that they are for."""
