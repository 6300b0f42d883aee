"""Errors that reach nobody but the event loop: one line each in the log, in the log's own format."""

from __future__ import annotations

import asyncio
import errno
from typing import Any

from feed.log import get_logger

__all__ = ["log_loop_errors"]

GONE = frozenset(
    (errno.ENOTCONN, errno.EPIPE, errno.ECONNRESET, errno.ECONNABORTED, errno.ESHUTDOWN, errno.EBADF, errno.ETIMEDOUT)
)
"""Errors of a socket whose other end, or whose descriptor, is gone. A connection ends so every day."""

USED_UP = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))
"""Errors of a process or machine that can't take another connection for now."""

log = get_logger("feed.server")


def log_loop_errors(loop: asyncio.AbstractEventLoop) -> None:
    """Log what the loop's callbacks raise; only what nobody expects has a traceback."""
    loop.set_exception_handler(_handle)


def _handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    del loop
    error = context.get("exception")
    if isinstance(error, OSError) and error.errno in GONE:
        log.debug("x the connection was gone", error=str(error))
    elif isinstance(error, OSError) and error.errno in USED_UP:
        log.error("no connection can be taken for now", error=str(error))
    else:
        log.error(str(context["message"]), exc_info=error)
