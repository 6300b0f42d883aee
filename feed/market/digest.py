"""A hash of what a market will send: equal digests, equal bytes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from feed.data.ticks import Source
from feed.dialects.registry import NATIVE
from feed.market.channels.base import StatusChannel, TradingChannel, streams_of
from feed.protocol.effects import Stream
from feed.units import DAY

__all__ = ["FORMAT_VERSION", "StreamDigest", "digest_streams", "market_digest"]

FORMAT_VERSION = 1
"""Changes with anything that changes the bytes of a `data` frame."""

FRAMES = 1000
"""How many frames of each stream a market's own digest covers."""

HORIZON = DAY
"""So much market time is looked at for them: a stream may be rare."""


@dataclass(frozen=True, slots=True)
class StreamDigest:
    """The sha256 of the payloads of the first `frames` frames of a stream, each followed by a line feed."""

    stream: Stream
    frames: int
    sha256: str


def digest_streams(
    source: Source, *, at: int | None = None, shift: int = 0, frames: int = FRAMES
) -> list[StreamDigest]:
    """The digest of each stream of a source, from market time `at` (ns UTC; the source's start by default)."""
    begins = source.start if at is None else at
    # What is derived follows from the ticks, so it needs no digest of its own.
    channels = (StatusChannel(source, shift), TradingChannel(source, shift))
    tracks = list(streams_of(channels, source.instruments))
    streams = tuple(stream for stream, _, _ in tracks)
    hashes = [hashlib.sha256() for _ in streams]
    counts = [0] * len(streams)
    for batch in source.batches(begins):
        for index, (stream, channel, symbol) in enumerate(tracks):
            track = channel.track(batch, symbol, stream.part)
            wanted = min(len(track.times), frames - counts[index])
            if wanted > 0:
                payloads = NATIVE.write(stream, track.rows(0, wanted), counts[index] + 1, "update", ())
                hashes[index].update(b"\n".join(payloads) + b"\n")
                counts[index] += wanted
        # Changes of status are rare: they do not keep it going, the ticks do.
        if batch.end - begins >= HORIZON or _enough(streams, counts, frames):
            break
    return [
        StreamDigest(stream, count, digest.hexdigest())
        for stream, count, digest in zip(streams, counts, hashes, strict=True)
    ]


def _enough(streams: tuple[Stream, ...], counts: list[int], frames: int) -> bool:
    return all(count >= frames for stream, count in zip(streams, counts, strict=True) if stream.channel == "trading")


def market_digest(source: Source, *, at: int | None = None, shift: int = 0) -> str:
    """One short digest of all streams together, as the status frame carries it."""
    whole = hashlib.sha256(f"feed {FORMAT_VERSION}\n".encode())
    for entry in digest_streams(source, at=at, shift=shift):
        whole.update(f"{entry.stream.key} {entry.frames} {entry.sha256}\n".encode())
    return whole.hexdigest()[:16]
