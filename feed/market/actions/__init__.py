"""Actions: what a command can do to a market's time and epoch, one file each."""
