"""Format of log lines: readable on a terminal, JSON for programs. They go to stderr, except for the line that says
that a server listens.
"""

from __future__ import annotations

import logging
import sys
from typing import TextIO, cast

from feed.log import structlog

__all__ = ["configure_logs", "ready_line", "say_error"]

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def configure_logs(level: str, form: str) -> None:
    """Log from `level` on, as `console` or `json`. Lines on clients begin with a mark: < in, > out, = state, x end."""
    structlog.configure(
        processors=[*_STAMPS, *_finish(form)],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, _Stderr())),
        cache_logger_on_first_use=True,
    )


class _Stderr:
    """Proxy of the current stderr: loggers are kept for good, while the stream may be replaced and closed."""

    def write(self, text: str) -> int:
        """Write to the current stderr."""
        return sys.stderr.write(text)

    def flush(self) -> None:
        """Flush the current stderr."""
        sys.stderr.flush()


def say_error(message: str) -> None:
    """Log the reason for which the command ends."""
    structlog.get_logger("feed").error(message)


def ready_line(form: str, scenario: str, url: str) -> str:
    """Return the line for stdout, at every log level, that a server listens, with its URL."""
    page = url.replace("ws", "http", 1)
    if form != "json":
        return f"{scenario} on {url}, its page on {page} (Ctrl-C stops it)"
    line: structlog.typing.EventDict = {"event": "listening", "scenario": scenario, "url": url, "page": page}
    for process in _STAMPS:
        line = process(None, "info", line)  # type: ignore[assignment]
    return str(structlog.processors.JSONRenderer()(None, "info", line))


def _printable(_: object, __: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Escape unprintable text of clients, since a terminal would obey escape sequences."""
    for key, value in line.items():
        text = value if isinstance(value, str) else repr(value)
        if not text.isprintable() and key != "exception":
            line[key] = "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)
    return line


_STAMPS: list[structlog.typing.Processor] = [
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def _finish(form: str) -> list[structlog.typing.Processor]:
    if form == "json":
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
    return [
        _printable,
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback),
    ]
