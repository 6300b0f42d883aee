"""Preview in the terminal: the price in braille dots, volume and spread as bars, and the script below."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from feed.pictures.preview import Preview, PreviewTrack
from feed.units import SECOND, format_duration, format_time

__all__ = ["market_lines"]

Floats = NDArray[np.float64]

BARS = " ▁▂▃▄▅▆▇█"
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Bits of the dots of a braille character, by row and column."""

MARGIN_COLUMNS = 14


def market_lines(shown: Preview, width: int = 100, height: int = 14) -> Iterator[str]:
    """Yield the lines of the plot, each at most `width` characters: every symbol, then phases and events.

    Raises:
        ValueError: there is no room for a plot.
    """
    columns = width - MARGIN_COLUMNS
    if columns < 10 or height < 2:
        raise ValueError(f"{width} by {height} characters are too few")
    yield f"{shown.name}, seed {shown.seed}: {format_duration(shown.length)} from {format_time(shown.start)}"[:width]
    for track in shown.tracks:
        yield ""
        yield f"{track.instrument.symbol}, {track.fills:,} fills"[:width]
        yield from _price(track, columns, height)
        volume, spread = _cells(np.nan_to_num(track.volume), columns, np.sum), _cells(track.spread, columns, np.nanmean)
        decimals = track.instrument.price_decimals
        yield f"{'volume':>{MARGIN_COLUMNS - 2}} ┤{_row(volume)}"
        yield f"{'spread':>{MARGIN_COLUMNS - 2}} ┤{_row(spread)}"
        most, widest = (float(np.nanmax(row)) if np.isfinite(row).any() else 0.0 for row in (volume, spread))
        each = format_duration(shown.length // columns)
        yield f"{'':{MARGIN_COLUMNS}}volume up to {most:,.6g} in {each}, spread up to {widest:,.{decimals}f}"[:width]
    yield f"{'':{MARGIN_COLUMNS}}0:00:00{format_duration(shown.length):>{columns - 7}}"
    for span in shown.spans[:40]:
        begin = span.start * columns // shown.length
        wide = max(1, (span.end - span.start) * columns // shown.length)
        mark = ("░" if span.kind == "phase" else "▒" if span.kind == "event" else "█") * wide
        at = format_duration(span.start // SECOND * SECOND)
        yield f"{'':{MARGIN_COLUMNS}}{'':{begin}}{mark}"[:width]
        yield f"{at:>{MARGIN_COLUMNS - 2}}  {span.kind} {span.label}"[:width]


def _price(track: PreviewTrack, columns: int, height: int) -> Iterator[str]:
    """Yield the price plot, 2 by 4 dots per character, between the lowest and the highest price."""
    finite = np.isfinite(track.low)
    if not finite.any():
        yield f"{'':{MARGIN_COLUMNS}}no trades"
        return
    bottom, top = float(np.nanmin(track.low)), float(np.nanmax(track.high))
    scale = (height * 4 - 1) / (top - bottom) if top > bottom else 0.0
    low, high = _cells(track.low, columns * 2, np.nanmin), _cells(track.high, columns * 2, np.nanmax)
    cells = np.zeros((height, columns), np.int64)
    for x in np.flatnonzero(np.isfinite(low)):
        first, last = (height * 4 - 1 - round((float(value[x]) - bottom) * scale) for value in (high, low))
        for y in range(first, last + 1):
            cells[y // 4, x // 2] |= DOTS[y % 4][x % 2]
    decimals = track.instrument.price_decimals
    for row in range(height):
        level = top - (top - bottom) * row / (height - 1)
        text = f"{level:,.{decimals}f}" if row % 3 == 0 or row == height - 1 else ""
        yield f"{text:>{MARGIN_COLUMNS - 2}} ┤{''.join(chr(0x2800 + cell) for cell in cells[row])}"


def _cells(values: Floats, columns: int, reduce: object) -> Floats:
    """Reduce the values to `columns` cells of about equal length; NaN for a cell without values."""
    edges = np.linspace(0, len(values), columns + 1).astype(np.int64)
    cells = np.full(columns, np.nan)
    for index in range(columns):
        part = values[edges[index] : max(edges[index + 1], edges[index] + 1)]
        if np.isfinite(part).any():
            cells[index] = reduce(part)  # type: ignore[operator]
    return cells


def _row(values: Floats) -> str:
    most = float(np.nanmax(values)) if np.isfinite(values).any() else 0.0
    share = np.nan_to_num(values) / most if most > 0 else np.zeros(len(values))
    # Every value above 0 is visible.
    return "".join(BARS[max(int(value > 0), round(value * 8))] for value in share.tolist())
