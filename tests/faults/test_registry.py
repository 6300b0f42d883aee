"""Faults as they are written: what can be is read, and what cannot is refused with its place and the nearest name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

import feed.faults
from feed.faults.kinds.delay import Delay
from feed.faults.registry import FAULTS, FaultError, catalogue, check_names, common_keys, read_fault, read_faults
from feed.units import MILLISECOND


@pytest.mark.parametrize(
    ("document", "field", "words"),
    [
        ({"kind": "dorp"}, "f.kind", ["dorp", 'did you mean "drop"']),
        ({}, "f.kind", ["needs a kind", "drop, duplicate, reorder"]),
        ("drop", "f", ["object"]),
        ({"kind": 3}, "f.kind", ["3"]),
        ({"kind": "drop", "rat": 0.5}, "f.rat", ["no key", 'did you mean "rate"']),
        ({"kind": "drop", "by": "1s"}, "f.by", ["no key"]),
        ({"kind": "drop", "rate": 1.5}, "f.rate", ["1"]),
        ({"kind": "drop", "rate": "often"}, "f.rate", ["number"]),
        ({"kind": "drop", "count": 0}, "f.count", ["1"]),
        ({"kind": "drop", "count": "3"}, "f.count", ["integer"]),
        ({"kind": "delay"}, "f.by", ["needs the key", "how late"]),
        ({"kind": "delay", "by": "soon"}, "f.by", ["duration", "90s"]),
        ({"kind": "delay", "by": "25h"}, "f.by", ["day", "250ms"]),
        ({"kind": "drop", "at": "noon"}, "f.at", ["market time", "2025-01-06T14:30:00Z"]),
        ({"kind": "drop", "at": "5m", "seq": 3}, "f.seq", ["both at and seq"]),
        ({"kind": "drop", "on": "subscrib"}, "f.on", ['did you mean "subscribe"']),
        ({"kind": "drop", "direction": "up"}, "f.direction", ["'in' or 'out'"]),
        ({"kind": "drop", "direction": "in", "channel": "trading"}, "f.channel", ["no stream"]),
        ({"kind": "drop", "for": "-1s"}, "f.for", ["duration"]),
    ],
)
def test_fault_that_cannot_be_is_refused(document: Any, field: str, words: list[str]) -> None:
    """The place, what is wrong, and what would be right."""
    with pytest.raises(FaultError) as refused:
        read_fault(document, "f")
    assert refused.value.field == field
    told = f"{refused.value} {refused.value.hint}"
    assert all(word in told for word in words), told


@pytest.mark.parametrize("text", ["{", "3", '{"kind":"drop"}', "[" + ",".join(['{"kind":"drop"}'] * 33) + "]"])
def test_list_that_is_none_is_refused(text: str) -> None:
    """With an example."""
    with pytest.raises(FaultError) as refused:
        read_faults(text)
    assert refused.value.field == "faults"
    assert refused.value.hint


def test_one_bad_fault_refuses_the_list() -> None:
    """Nothing is armed of a list with a mistake; the place is in the message."""
    with pytest.raises(FaultError) as refused:
        read_faults('[{"kind":"drop"},{"kind":"delay","by":"1s","jiter":"1s"}]')
    assert refused.value.field == "faults[1].jiter"


def test_names_are_those_of_the_market() -> None:
    """A fault of a channel that is not there would never strike."""
    faults = read_faults('[{"kind":"drop","channel":"trading"},{"kind":"drop","symbol":"BTCUSD"}]')
    with pytest.raises(FaultError) as refused:
        check_names(faults, ("trading",), ("BTC/USD",))
    assert refused.value.field == "faults[1].symbol"
    assert refused.value.hint == 'did you mean "BTC/USD"? one of BTC/USD'
    check_names(faults[:1], ("trading",), ())


def test_fault_is_written_as_it_is_read() -> None:
    """What is shown can be sent again."""
    text = '[{"kind":"delay","by":"250ms","for":90,"at":"00:05:00","symbol":"BTC/USD"}]'
    [fault] = read_faults(text)
    assert isinstance(fault, Delay)
    assert fault.by == 250 * MILLISECOND
    shown = fault.document
    assert shown == {"kind": "delay", "by": "250ms", "for": "90000ms", "at": "00:05:00", "symbol": "BTC/USD"}
    assert read_faults(orjson.dumps([shown]).decode()) == (fault,)


def test_every_kind_has_its_file_and_its_line() -> None:
    """The catalogue says of each what it does, with what, and what a good client makes of it."""
    folder = Path(feed.faults.__file__).parent / "kinds"
    shown = {entry["kind"]: entry for entry in catalogue()}
    assert list(shown) == list(FAULTS)
    assert {path.stem.replace("_", "-") for path in folder.glob("[!_]*.py")} == set(FAULTS)
    for name, kind in FAULTS.items():
        assert kind.model_fields["kind"].default == name
        assert shown[name]["description"]
        assert shown[name]["client"]
    assert shown["delay"]["parameters"]["by"] == {
        "description": "how late", "type": ["string", "number"], "minimum": "0s", "maximum": "24h",
        "examples": ["250ms", "90s"], "required": True,
    }  # fmt: skip
    keys = common_keys()
    assert (keys["rate"]["exclusiveMinimum"], keys["rate"]["maximum"]) == (0, 1)
    when, whom = {"at", "seq", "after", "on", "rate", "for", "count"}, {"connection", "channel", "symbol", "direction"}
    assert set(keys) == when | whom


def test_the_page_names_every_kind() -> None:
    """Whoever reads of faults reads of all of them."""
    text = (Path(__file__).parents[2] / "feed" / "docs" / "faults.md").read_text()
    assert [name for name in FAULTS if f"`{name}`" not in text] == []
