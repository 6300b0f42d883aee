"""Realism of a market: stylised facts of a tick table, the bands of real data for them, pass or fail."""
