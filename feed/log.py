"""The log of the whole package: structured lines of structlog."""

from __future__ import annotations

import sys

# structlog loads rich, where that is installed, for tracebacks in colour. They are not wanted, and loading takes longer
# than all of structlog. A module that is None in this table counts as one that is not installed.
_known = sys.modules.get("rich")
if _known is None:
    sys.modules["rich"] = None  # type: ignore[assignment]
try:
    import structlog
finally:
    if _known is None:
        del sys.modules["rich"]

__all__ = ["get_logger", "structlog"]

get_logger = structlog.get_logger
