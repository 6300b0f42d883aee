"""Files that others wrote, as recordings: captures of sessions, trades, quotes, books and bars."""
