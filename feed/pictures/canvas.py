"""Common parts of all pictures: matplotlib, if it is installed, the kinds of files, and the format of times."""

from __future__ import annotations

import importlib
import io
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from feed.errors import UsageError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["BAD", "COLOURS", "GOOD", "GREY", "check_out", "clock_axis", "clock_text", "figure", "save", "svg_text"]

SUFFIXES = (".png", ".svg")
GOOD, BAD, GREY = "#2a7f4f", "#c0392b", "#8a8f98"
COLOURS = ("#1f5fa8", "#d9822b", "#2a7f4f", "#8e44ad", "#c0392b", "#16a2b8", "#7f6a00", "#555555")
_STYLE = {
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "feed",
    "path.simplify": True,
}


def check_out(out: Path, suffixes: tuple[str, ...] = SUFFIXES) -> None:
    """Check the name of an output file before any work is done.

    Raises:
        UsageError: another suffix, or a folder that does not exist, or a folder in place of a file.
    """
    if out.suffix.lower() not in suffixes:
        raise UsageError(f"{out}: the name of the file must end in {' or '.join(suffixes)}")
    if out.is_dir():
        raise UsageError(f"{out}: this is a folder, not a file")
    if not out.parent.is_dir():
        raise UsageError(f"{out}: there is no folder {out.parent}")


def figure(width: float, height: float, layout: str | None = "constrained") -> Figure:
    """Return an empty figure, in inches of 100 dots.

    Args:
        width: inches.
        height: inches.
        layout: matplotlib's method to find margins; None if the margins are known, which saves a drawing.

    Raises:
        UsageError: matplotlib is not installed.
    """
    try:
        matplotlib = importlib.import_module("matplotlib")
        module = importlib.import_module("matplotlib.figure")
    except ImportError:
        raise UsageError("pictures need matplotlib: install it, or the extra feed[pictures]") from None
    matplotlib.rcParams.update(_STYLE)
    made: Figure = module.Figure(figsize=(width, height), dpi=100, layout=layout)
    return made


def save(drawn: Figure, out: Path) -> None:
    """Write a PNG or an SVG, with equal bytes for equal pictures.

    Raises:
        UsageError: the file cannot be written.
    """
    try:
        if out.suffix.lower() == ".svg":
            out.write_text(_svg(drawn), encoding="utf-8")
        else:
            drawn.savefig(out, format="png", metadata={"Software": None})
    except OSError as error:
        raise UsageError(f"{out}: cannot be written: {error.strerror}") from None


def svg_text(drawn: Figure) -> str:
    """Return the picture as an `<svg>` element for a page."""
    whole = _svg(drawn)
    return whole[whole.index("<svg") :]


def _svg(drawn: Figure) -> str:
    text = io.StringIO()
    drawn.savefig(text, format="svg", metadata={"Date": None})
    # Some names of parts derive from memory addresses: number them in order of appearance.
    whole = text.getvalue()
    names = dict.fromkeys(re.findall(r'id="([a-z][0-9a-f]{10})"', whole))
    numbers = {name: f"part{number}" for number, name in enumerate(names, 1)}
    return re.sub(r"\b[a-z][0-9a-f]{10}\b", lambda found: numbers.get(found[0], found[0]), whole)


def clock_text(seconds: float, days: bool = False) -> str:
    """Return a time since the start as `0:05:00`, or as `2d 06h`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours // 24}d {hours % 24:02d}h" if days else f"{hours}:{minutes:02d}:{rest:02d}"


def clock_axis(axes: Any, seconds: float) -> None:
    """Label the horizontal axis with round times since the start."""
    steps = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400)
    step = next((step for step in steps if seconds / step <= 13), 86_400 * max(1, round(seconds / 86_400 / 10)))
    ticks = [step * n for n in range(int(seconds // step) + 1)]
    axes.set_xticks(ticks, [clock_text(tick, seconds > 172_800) for tick in ticks])
    axes.set_xlim(0, seconds)
