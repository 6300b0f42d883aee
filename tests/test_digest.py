"""The frames of all channels, pinned to the versions that the digest of a market is made of."""

from __future__ import annotations

import hashlib

from feed.engine.source import EngineSource
from feed.market.digest import FORMAT_VERSION, digest_streams
from feed.scenario.generator import GENERATOR_VERSION
from feed.scenario.load import scenario_from
from feed.sources.opening import EndedSource
from feed.units import MINUTE

FRAMES = {(1, 3): "262ed8e27080a8f66457215e81af0d71", (1, 7): "86cb257339626f0c173c7e90dc71e885"}
"""By `FORMAT_VERSION` and `GENERATOR_VERSION` the hash of all frames: other frames need another of these versions."""

SCENARIO = {
    "name": "pinned",
    "market": {"orders_per_second": 1},
    "phases": [{"name": "quiet", "for": "40s"}, {"name": "wild", "for": "1m", "volatility": 5, "spread": 20}],
    "events": [{"kind": "halt", "at": "50s", "for": "10s", "auction": "10s"}],
}


def test_other_frames_have_another_version() -> None:
    """A digest names bytes by the version that makes them, so whoever changes bytes changes a version, too."""
    source = EndedSource(EngineSource(scenario_from(SCENARIO, "pinned")), 2 * MINUTE)
    whole = "".join(f"{entry.stream.key} {entry.frames} {entry.sha256}\n" for entry in digest_streams(source))
    found = hashlib.sha256(whole.encode()).hexdigest()[:32]
    assert FRAMES.get((FORMAT_VERSION, GENERATOR_VERSION)) == found, f"{found}\n{whole}"
