"""The command `feed`. Each command is a module that is imported when it is asked for."""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """Run the command line."""
    import sys
    from io import TextIOWrapper

    from feed.cli.app import app

    for stream in (sys.stdout, sys.stderr):
        # What an old code page cannot write is shown as a question mark instead of ending the command.
        if isinstance(stream, TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="replace")
    app(prog_name="feed")
