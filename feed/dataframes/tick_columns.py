"""Ticks of a recording as whole columns, straight from where a replay keeps them, instead of batch after batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from feed.data.ticks import BUY
from feed.dataframes.ticks import TickColumns
from feed.tape.replay import RecordingSource
from feed.units import MILLISECOND

__all__ = ["recorded_columns"]

Ints = NDArray[np.int64]


def recorded_columns(
    source: RecordingSource,
    span: tuple[int, int],
    wanted: Sequence[int],
    steps: Sequence[str],
    seqs: Sequence[Ints] | None = None,
) -> TickColumns:
    """Return the ticks of some symbols in a span of time (ns UTC), merged in order of time.

    Args:
        source: the recording.
        span: its begin, and its end, which is not included.
        wanted: the indices of the symbols.
        steps: the columns of prices and sizes.
        seqs: for each symbol the `seq` of all its ticks; where there are none they are counted from 1.
    """
    rows = [source.rows_between(index, *span) for index in wanted]
    counts = [hi - lo for lo, hi in rows]
    time = _joined([source.column(index, "time", *part) for index, part in zip(wanted, rows, strict=True)])
    # Stable: at the same time the earlier symbol goes first, as on the wire.
    order = np.argsort(time, kind="stable") if sum(count > 0 for count in counts) > 1 else None

    def column(name: str) -> Ints:
        whole = _joined([source.column(index, name, *part) for index, part in zip(wanted, rows, strict=True)])
        return whole if order is None else whole[order]

    numbers = [np.arange(1, count + 1, dtype=np.int64) for count in counts]
    for place, (told, (lo, hi)) in enumerate(zip(seqs or (), rows, strict=False)):
        if len(told):
            numbers[place] = told[lo:hi]
    seq, code = _joined(numbers), np.repeat(np.arange(len(wanted), dtype=np.int16), counts)
    return TickColumns(
        timestamp=(time if order is None else time[order]) // MILLISECOND,
        seq=seq if order is None else seq[order],
        code=code if order is None else code[order],
        buy=column("side") == BUY,
        steps={name: column(name) for name in steps},
        trade_id=column("trade_id"),
    )


def _joined(parts: Sequence[Ints]) -> Ints:
    kept = [part for part in parts if len(part)]
    if len(kept) == 1:
        return kept[0]
    return np.concatenate(kept) if kept else np.zeros(0, np.int64)
