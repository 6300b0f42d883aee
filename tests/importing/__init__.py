"""Files that others wrote, and the recordings that they become."""
