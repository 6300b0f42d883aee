"""Digests that identify the bytes of a market, from a cheap name to hashes of the bytes themselves.

- The *digest* of a market (`digest` in the `status` event) is a hash of all inputs of its `data` frames: the
  versions of format and generator, the scenario with its seed, the content of the files that it plays, where it begins
  and ends, and the anchor. Nothing is generated for it. Equal digests, equal bytes, on every channel.
- The *epoch* is that digest and the number of times that `seq` has begun: `DIGEST-1`. A client that resumes in an
  equal epoch gets equal bytes.
- The *digests of streams* (`feed digest`) are hashes of the frames actually generated, of every channel. They show
  that a machine keeps the promise of the digest.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from feed.data.ticks import Batch, Source
from feed.dialects.base import Kind
from feed.dialects.registry import NATIVE
from feed.market.channels.base import Channel, Track, streams_of
from feed.market.channels.registry import open_channels
from feed.market.memory import BarMemory
from feed.protocol.effects import Stream
from feed.scenario.load import scenario_digest
from feed.scenario.model import Scenario
from feed.units import DAY

__all__ = ["FORMAT_VERSION", "StreamDigest", "digest_streams", "market_digest"]

FORMAT_VERSION = 1
"""The version of the `data` frame format; it changes whenever frame bytes change for reasons outside the generator."""

DIGEST_FRAMES = 1000
"""The default number of messages hashed of each stream."""

HORIZON = DAY
"""The market time (ns) after which hashing stops, since a stream may have few messages."""


def market_digest(scenario: Scenario, folder: Path, source: Source, *, seed: int, at: int, shift: int = 0) -> str:
    """Return sixteen hexadecimal digits that differ whenever the frames of two markets may differ.

    Args:
        scenario: the scenario that is played.
        folder: the folder that its file names are relative to.
        source: the scenario's source.
        seed: the seed, which replaces the scenario's own.
        at: market time of the beginning, ns UTC.
        shift: nanoseconds added to every time that a client sees (the anchor).
    """
    document = {
        "format": FORMAT_VERSION,
        "scenario": scenario_digest(scenario.model_copy(update={"seed": seed})),
        "files": [_sha256(folder / name) for name in scenario.files],
        "symbols": [[it.symbol, str(it.tick_size), str(it.lot_size)] for it in source.instruments],
        "time": [source.start, at, source.end, shift],
    }
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:16]


def _sha256(path: Path) -> str:
    stamp = path.stat()
    return _sha256_of(path, stamp.st_mtime_ns, stamp.st_size)


@lru_cache(maxsize=256)
def _sha256_of(path: Path, changed: int, size: int) -> str:
    """Return the hash of a file, which is read once for each state of the file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True, slots=True)
class StreamDigest:
    """SHA-256 of the payloads of a stream for a subscriber from the beginning, each followed by a line feed.

    The payloads are the initial snapshot, if the channel has one, and the first `frames` messages.
    """

    stream: Stream
    frames: int
    sha256: str


def digest_streams(
    source: Source, *, at: int | None = None, shift: int = 0, frames: int = DIGEST_FRAMES
) -> list[StreamDigest]:
    """Return the digest of each stream of all channels, from market time `at` (ns UTC; default: the source's start)."""
    begins = source.start if at is None else at
    bars = source.without_volume()
    memories = [BarMemory(bars, index) for index in range(len(source.instruments))]
    numbering = source.numbering if begins == source.start else {}
    hashed = [
        _Hashed(stream, channel, symbol, numbering.get(stream.key, 0), frames)
        for stream, channel, symbol in streams_of(open_channels(source, shift, memories), source.instruments)
    ]
    for each in hashed:
        each.open(begins)
    for batch in source.batches(begins):
        for each in hashed:
            each.add(batch)
        # Status changes are rare: hashing does not go on for them alone.
        if batch.end - begins >= HORIZON or all(each.left <= 0 for each in hashed if each.stream.channel != "status"):
            break
    return [StreamDigest(each.stream, each.count, each.sha256.hexdigest()) for each in hashed]


@dataclass(slots=True)
class _Hashed:
    """Stream being hashed, with the hash of its messages so far."""

    stream: Stream
    channel: Channel
    symbol: int
    base: int
    wanted: int
    count: int = 0
    sha256: Any = field(default_factory=hashlib.sha256)

    @property
    def left(self) -> int:
        """The number of messages still to be hashed."""
        return self.wanted - self.count

    def open(self, begins: int) -> None:
        """Hash the initial snapshot of a subscription from the beginning."""
        if not self.channel.begins_with_snapshot:
            return
        state = self.channel.snapshot(self.symbol, self.stream.part, begins - 1, 1)
        if state is not None:
            self._take(state, len(state.times), self.base, "state")

    def add(self, batch: Batch) -> None:
        """Hash messages of a batch, up to the number still wanted."""
        if self.left <= 0:
            return
        track = self.channel.track(batch, self.symbol, self.stream.part)
        count = min(len(track.times), self.left)
        self._take(track, count, self.base + self.count + 1, "update")
        self.count += count

    def _take(self, track: Track, count: int, first_seq: int, kind: Kind) -> None:
        if count:
            payloads = NATIVE.write(self.stream, track.rows(0, count), first_seq, kind, ())
            self.sha256.update(b"\n".join(payloads) + b"\n")
