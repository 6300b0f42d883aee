"""Long runs, as commands of their own: `uv run python -m tests.soak`."""
