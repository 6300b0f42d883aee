"""The command `feed`. Each subcommand is a module that is imported on use."""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """Run the command line."""
    import sys
    from io import TextIOWrapper

    from feed.cli.app import app

    for stream in (sys.stdout, sys.stderr):
        # Characters that an old code page cannot write become question marks instead of ending the command.
        if isinstance(stream, TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="replace")
    app(prog_name="feed")
