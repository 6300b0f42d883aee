"""Picture of a preview: a strip of scripted phases and events, then price, volume and spread, from the top down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from feed.pictures.canvas import COLOURS, GREY, clock_axis, figure
from feed.pictures.preview import Preview, PreviewTrack, Span
from feed.units import SECOND, format_duration, format_time

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_market", "lanes_of"]

Floats = NDArray[np.float64]

SHADES = ("#e8f0fa", "#fdf1e3", "#e9f5ee", "#f3eaf7")
FILLS = {"phase": "#9dbbe0", "status": "#b9bdc4", "event": "#f0b775"}
STOPPED = ("halted", "maintenance")
MOST_LANES = 6
WIDTH, HEIGHT = 12.0, 7.5
LEFT, RIGHT, TOP, BOTTOM, BETWEEN = 1.1, 0.35, 0.36, 0.52, 0.14
"""Inches around and between the axes."""

FEW_STEPS = 400
"""Number of steps below which a step is wide enough to be seen: the price is drawn as stairs."""

SMOOTHED_PARTS = 60
"""Number of parts of the width whose median is the spread's line: one order in twenty widens it for a moment."""


def draw_market(shown: Preview) -> Figure:
    """Draw the preview, 12 by 7.5 inches."""
    drawn = figure(WIDTH, HEIGHT, layout=None)
    lanes = lanes_of(shown.spans, shown.length)
    rows = _rows(drawn, max(0.25, 0.21 * len(lanes)))
    names = ", ".join(track.instrument.symbol for track in shown.tracks)
    drawn.suptitle(
        f"{shown.name} · {names} · seed {shown.seed} · {format_duration(shown.length)} from {format_time(shown.start)}",
        fontsize=12,
        y=1 - 0.06 / HEIGHT,
    )
    _strip(rows[0], lanes, shown)
    _price(rows[1], shown)
    _volume(rows[2], shown)
    _spread(rows[3], shown)
    for axes in rows:
        axes.tick_params(labelbottom=axes is rows[-1])
    for axes in rows[1:]:
        _shade(axes, shown)
    clock_axis(rows[-1], shown.length / SECOND)
    rows[-1].set_xlabel("market time since the start, h:mm:ss")
    return drawn


def _rows(drawn: Figure, strip: float) -> list[Any]:
    """Return the axes from the top down, with shared times: the strip (`strip` inches high), price, volume, spread."""
    room = HEIGHT - TOP - BOTTOM - strip - 3 * BETWEEN
    rows: list[Any] = []
    top = HEIGHT - TOP
    for height in (strip, room * 0.6, room * 0.2, room * 0.2):
        place = (LEFT / WIDTH, (top - height) / HEIGHT, 1 - (LEFT + RIGHT) / WIDTH, height / HEIGHT)
        rows.append(drawn.add_axes(place, sharex=rows[0] if rows else None))
        top -= height + BETWEEN
    drawn.align_ylabels(rows)
    return rows


def lanes_of(spans: tuple[Span, ...], length: int) -> list[list[Span]]:
    """Arrange spans in rows without overlap, phases first, with room for the label of a short one."""
    lanes: list[list[Span]] = []
    taken: list[int] = []
    for kind in ("phase", "status", "event"):
        first = len(lanes)
        for span in sorted((span for span in spans if span.kind == kind), key=lambda span: span.start):
            free = (index for index in range(first, len(lanes)) if taken[index] <= span.start)
            place = next(free, len(lanes))
            if place == len(lanes):
                lanes.append([])
                taken.append(0)
            lanes[place].append(span)
            taken[place] = max(span.end, span.start + length * len(span.label) // 130)
    return lanes[:MOST_LANES]


def _strip(axes: Any, lanes: list[list[Span]], shown: Preview) -> None:
    axes.set_ylim(max(len(lanes), 1), 0)
    axes.set_yticks([])
    axes.grid(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    axes.tick_params(bottom=False)
    for row, lane in enumerate(lanes):
        for span in lane:
            begin, wide = span.start / SECOND, max((span.end - span.start) / SECOND, shown.length / SECOND / 400)
            axes.broken_barh([(begin, wide)], (row + 0.08, 0.84), facecolors=FILLS[span.kind])
            right = begin > 0.85 * shown.length / SECOND and wide < 0.1 * shown.length / SECOND
            place = begin + (wide if right else shown.length / SECOND / 300)
            axes.text(
                place, row + 0.52, span.label, va="center", ha="right" if right else "left", fontsize=9, clip_on=True
            )
    if not lanes:
        axes.text(0, 0.5, "no phases, no events", transform=axes.transAxes, va="center", fontsize=9, color=GREY)


def _shade(axes: Any, shown: Preview) -> None:
    """Draw phases as coloured background, halts hatched, the beginnings of events as lines."""
    phases = [span for span in shown.spans if span.kind == "phase"]
    names = list(dict.fromkeys(span.label for span in phases))
    for span in phases:
        colour = SHADES[names.index(span.label) % len(SHADES)]
        axes.axvspan(span.start / SECOND, span.end / SECOND, color=colour, lw=0, zorder=0)
    for span in shown.spans:
        if span.label in STOPPED and span.kind == "status":
            axes.axvspan(
                span.start / SECOND, span.end / SECOND, facecolor="#e3e4e7", edgecolor="#c4c6cb", hatch="//", lw=0
            )
        elif span.kind == "event":
            axes.axvline(span.start / SECOND, color=FILLS["event"], lw=0.8, ls="--", zorder=1)


def _price(axes: Any, shown: Preview) -> None:
    many = len(shown.tracks) > 1
    for number, track in enumerate(shown.tracks):
        colour = COLOURS[number % len(COLOURS)]
        close = _line(track, track.close)
        # Between trades the price is constant: low and high are equal.
        low, high = (np.where(np.isfinite(values), values, close) for values in (track.low, track.high))
        if many:
            first = track.close[np.isfinite(track.close)][:1]
            close = (close / (first[0] if len(first) else np.nan) - 1) * 100
        else:
            axes.fill_between(shown.seconds, low, high, color=colour, alpha=0.25, lw=0, step="mid")
        style = "steps-mid" if len(close) < FEW_STEPS else "default"
        axes.plot(shown.seconds, close, color=colour, lw=1.1, drawstyle=style, label=track.instrument.symbol)
    if many:
        axes.legend(ncols=len(shown.tracks), fontsize=9, frameon=False, loc="best")
        axes.set_ylabel("change since the start, %")
    else:
        axes.set_ylabel(f"price, {_quote(shown.tracks[0])}")
        axes.ticklabel_format(axis="y", useOffset=False, style="plain")
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.{_decimals(shown.tracks[0])}f}")


def _volume(axes: Any, shown: Preview) -> None:
    track = shown.tracks[0]
    base = track.instrument.symbol.split("/")[0]
    # One outline is drawn ten times as fast as a thousand bars.
    edges = np.arange(len(track.volume) + 1) * (shown.step / SECOND)
    axes.stairs(track.volume, edges, fill=True, color=COLOURS[0], alpha=0.8, lw=0)
    axes.yaxis.set_major_formatter(lambda value, _: _short(value))
    axes.set_ylabel(f"{base}\na {_step_text(shown.step)}")


def _spread(axes: Any, shown: Preview) -> None:
    track = shown.tracks[0]
    finite = track.spread[np.isfinite(track.spread)]
    line = _line(track, track.spread)
    axes.plot(shown.seconds, line, color=COLOURS[1], lw=0.8, alpha=0.35, drawstyle="steps-mid")
    axes.plot(shown.seconds, _medians(line), color=COLOURS[1], lw=1.5)
    if len(finite) and finite.max() > 20 * max(float(np.median(finite)), 1e-12):
        axes.set_yscale("log")
    else:
        axes.set_ylim(bottom=0)
    axes.set_ylabel(f"spread, {_quote(track)}")


def _medians(values: Floats) -> Floats:
    """Return each value's median with its neighbours; NaN if the value is."""
    reach = len(values) // SMOOTHED_PARTS // 2
    around = sliding_window_view(np.pad(values, reach, constant_values=np.nan), 2 * reach + 1)
    # NaN values are sorted to the end.
    ordered = np.sort(around, axis=1)
    known = np.isfinite(around).sum(axis=1)
    middle = np.maximum(known - 1, 0)
    rows = np.arange(len(values))
    medians = (ordered[rows, middle // 2] + ordered[rows, (middle + 1) // 2]) / 2
    return np.where(np.isfinite(values), medians, np.nan)


def _line(track: PreviewTrack, values: Floats) -> Floats:
    """Return values that are constant between trades, and NaN in gaps."""
    known = np.flatnonzero(np.isfinite(values))
    if not len(known):
        return values
    last = np.searchsorted(known, np.arange(len(values)), side="right") - 1
    return np.where((last < 0) | track.quiet, np.nan, values[known[np.maximum(last, 0)]])


def _short(value: float) -> str:
    """Return `1.5M` in place of seven digits, which have no room in the margin."""
    return f"{value / 1e6:,.6g}M" if abs(value) >= 1e6 else f"{value:,.6g}"


def _quote(track: PreviewTrack) -> str:
    return track.instrument.symbol.partition("/")[2] or "quote"


def _decimals(track: PreviewTrack) -> int:
    """Return the number of decimals that distinguishes the labels of the axis."""
    finite = track.close[np.isfinite(track.close)]
    width = float(finite.max() - finite.min()) if len(finite) else 0.0
    most = track.instrument.price_decimals
    return min(most, max(0, 2 - int(np.floor(np.log10(width))))) if width > 0 else most


def _step_text(step: int) -> str:
    for name, unit in (("h", 3600 * SECOND), ("min", 60 * SECOND)):
        if step % unit == 0:
            return f"{step // unit} {name}"
    return f"{step / SECOND:g} s"
