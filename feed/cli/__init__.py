"""The command `feed`. Each command is a module that is imported when it is asked for."""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """Run the command line."""
    from feed.cli.app import app

    app(prog_name="feed")
