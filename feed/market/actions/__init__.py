"""Actions that commands perform on a market's time and epoch, one file each."""
