"""Files as earlier versions of feed wrote them, which open for good, and what they have in them.

`generated.parquet` is of `feed generate` when that did not write recordings, `recorded.parquet` of a running market,
`imported.parquet` of `feed import`. They were made by the version in which this folder began, and are never made again.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from feed.data.ticks import Source
from feed.dialects.registry import NATIVE
from feed.market.channels.base import StatusChannel, TradingChannel
from feed.protocol.effects import Stream

__all__ = ["EXPECTED", "FOLDER", "frames_of"]

FOLDER = Path(__file__).parent

EXPECTED: dict[str, Any] = json.loads((FOLDER / "expected.json").read_text())


def frames_of(source: Source, channel: str = "trading") -> dict[str, str]:
    """By symbol, a hash of every frame of a channel to the source's end."""
    maker = TradingChannel(source, 0) if channel == "trading" else StatusChannel(source, 0)
    hashes = {instrument.symbol: hashlib.sha256() for instrument in source.instruments}
    counts = dict.fromkeys(hashes, 0)
    for batch in source.batches(source.start):
        for index, (symbol, hashed) in enumerate(hashes.items()):
            track = maker.track(batch, index, "")
            stream = Stream(channel, symbol)
            payloads = NATIVE.write(stream, track.rows(0, len(track.times)), counts[symbol] + 1, "update", ())
            counts[symbol] += len(payloads)
            hashed.update(b"".join(payload + b"\n" for payload in payloads))
    return {symbol: f"{counts[symbol]} {hashed.hexdigest()}" for symbol, hashed in hashes.items()}
