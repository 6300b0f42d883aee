"""Data types shared by all layers: instruments, columns of ticks, bars and order books, and the source protocol."""
