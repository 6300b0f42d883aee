"""Pictures of markets and of facts: files by matplotlib, and plots of characters for the terminal."""
