"""Entry point of `python -m feed`, the same as the command `feed`."""

from __future__ import annotations

from feed.cli import main

if __name__ == "__main__":
    main()
