"""Import of files by others as recordings: captures of sessions, trades, quotes, books and bars."""
