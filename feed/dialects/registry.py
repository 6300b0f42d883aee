"""The dialects that a URL may choose, by name."""

from __future__ import annotations

from feed.dialects.base import Dialect, Form
from feed.dialects.native.dialect import NativeDialect

__all__ = ["DIALECTS", "NATIVE", "PLAIN"]

NATIVE = NativeDialect()

DIALECTS: dict[str, Dialect] = {
    NATIVE.name: NATIVE,
}

PLAIN = Form(NATIVE)
"""The usual form of the native dialect."""
