"""Conversion of received frames of our own protocol to rows of a recording."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from feed.data.columns import DECIMALS
from feed.tape.rows import Row
from feed.units import MILLISECOND

__all__ = ["FrameRows", "facts_of"]

EVENT = "event"
"""Channel of frames without data."""

MOST_NAMES = 64
"""Maximum number of distinct event names; the names of further ones are dropped."""

# Inside of a JSON text every quote is escaped, so no name of a symbol can look like this.
_MARK = b',"data":'


class FrameRows:
    """Converter from frames to rows. A trade's fields go to their columns, everything else is kept to the byte."""

    def __init__(self) -> None:
        self._names: set[str] = set()

    def row(self, payload: bytes, body: Mapping[str, Any], received: int) -> Row:
        """Return the row of a frame that came at `received`, ns UTC."""
        if body.get("event") == "data":
            try:
                return _of_data(payload, body, received)
            except (KeyError, TypeError, ValueError, OverflowError):
                # The frame is kept unchanged: a reader sees the error.
                pass
        return self._of_event(payload, body, received)

    def _of_event(self, payload: bytes, body: Mapping[str, Any], received: int) -> Row:
        name = str(body.get("event"))
        if len(self._names) < MOST_NAMES:
            self._names.add(name)
        time = body.get("virtual_time")
        return Row(
            received,
            time * MILLISECOND if isinstance(time, int) else None,
            EVENT,
            type=name if name in self._names else "other",
            data=payload.decode(errors="replace"),
        )


def facts_of(status: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts about a recording's source in the first frame."""
    facts = {name: status.get(name) for name in ("scenario", "seed", "epoch", "digest")}
    symbols = [each for each in status.get("symbols") or () if isinstance(each, dict)]
    steps = {str(each.get("symbol")): (_step(each, "tick_size"), _step(each, "lot_size")) for each in symbols}
    return facts | {"instruments": steps}


def _step(symbol: Mapping[str, Any], key: str) -> str:
    """Return a step as decimal text; JSON has made a float of it."""
    decimals = symbol.get("price_decimals" if key == "tick_size" else "size_decimals")
    return f"{float(symbol.get(key) or 0):.{decimals if isinstance(decimals, int) else 8}f}"


def _of_data(payload: bytes, body: Mapping[str, Any], received: int) -> Row:
    channel, symbol, data = str(body["channel"]), str(body["symbol"]), body["data"]
    time, kind, seq = data["timestamp"] * MILLISECOND, str(body["type"]), int(body["seq"])
    if channel == "trading":
        # float() also reads the text of `?numbers=string`.
        numbers: dict[str, Any] = {name: float(data[name]) for name in DECIMALS}
        row = Row(received, time, channel, symbol, "", kind, seq)
        return row._replace(side=str(data["side"]), trade_id=int(data["trade_id"]), **numbers)
    parts = (told.get(key) for told in (body, data) for key in ("interval", "depth"))
    part = str(next((part for part in parts if part), ""))
    return Row(received, time, channel, symbol, part, kind, seq, data=_text(payload, data))


def _text(payload: bytes, data: object) -> str:
    """Return the object's original text."""
    at = payload.find(_MARK)
    return (payload[at + len(_MARK) : -1] if at >= 0 else orjson.dumps(data)).decode()
