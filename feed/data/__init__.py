"""What flows through the house: instruments, columns of ticks, bars and order books, and the source protocol."""
