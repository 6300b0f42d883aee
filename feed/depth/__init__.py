"""Books for sources that only know trades: the touch that trades leave, and levels behind it."""
