"""Long runs, as commands of their own: `uv run --group dev python -m tests.soak`."""
