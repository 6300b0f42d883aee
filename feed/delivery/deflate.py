"""One compressed copy of a message for all who negotiated permessage-deflate (RFC 7692) without context takeover.

Without context each message stands alone, so the same bytes fit every connection and none has a compressor of its own.
"""

from __future__ import annotations

import zlib

__all__ = ["deflated"]

WINDOW_BITS = 9
"""The smallest window that zlib writes, so that no client's `server_max_window_bits` is below it. A message is hardly
longer than it."""

LEVEL = 1

MEMORY = 4
"""Setting up a compressor costs as much as using it: a small one is the fastest."""

EMPTY_BLOCK = b"\x00\x00\xff\xff"
"""The end of a flush, which is left out of a message."""

_FRESH = zlib.compressobj(LEVEL, zlib.DEFLATED, -WINDOW_BITS, MEMORY)


def deflated(payload: bytes) -> bytes | None:
    """The payload as the extension writes it, or None where that would not be shorter."""
    compressor = _FRESH.copy()
    data = compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH)
    assert data.endswith(EMPTY_BLOCK)
    return data[:-4] if len(data) - 4 < len(payload) else None
