"""How real a market looks: stylised facts of a tick table, the bands that real data leaves them, pass or fail."""
