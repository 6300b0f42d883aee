"""Compression of a message once for all connections with permessage-deflate (RFC 7692) without context takeover.

Without context each message is independent, so the same bytes fit every connection and none needs its own compressor.
"""

from __future__ import annotations

import zlib

__all__ = ["deflated"]

WINDOW_BITS = 9
"""The smallest window that zlib writes, so that no client's `server_max_window_bits` is below it. A message is hardly
longer than it."""

ZLIB_LEVEL = 1

ZLIB_MEMORY = 4
"""zlib memory level. Setting up a compressor costs as much as using it, so a small one is the fastest."""

EMPTY_BLOCK = b"\x00\x00\xff\xff"
"""The end of a zlib flush, which is omitted from a message."""

_FRESH = zlib.compressobj(ZLIB_LEVEL, zlib.DEFLATED, -WINDOW_BITS, ZLIB_MEMORY)


def deflated(payload: bytes) -> bytes | None:
    """Return the payload compressed for the extension, or None if that would not be shorter."""
    compressor = _FRESH.copy()
    data = compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH)
    assert data.endswith(EMPTY_BLOCK)
    return data[:-4] if len(data) - 4 < len(payload) else None
