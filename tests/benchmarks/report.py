"""Results as one table for people and as JSON for machines."""

from __future__ import annotations

import os
import platform
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from tests.benchmarks.runner import Result, Row, Spread

__all__ = ["as_json", "as_table"]

HEAD = ("scenario", "figure", "contender", "median", "to the first", "low - high", "to node ws")


def as_table(results: list[Result]) -> str:
    """A Markdown table: medians, and medians of the ratios within a round with their lowest and highest."""
    lines = [HEAD, tuple("---" for _ in HEAD)]
    notes = _skips(results)
    for result in results:
        for figure in result.scenario.figures:
            lines += [_line(result, figure, row) for row in result.rows if row.spread(figure)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    table = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    ]
    return "\n".join([_machine(), "", *table, *([""] if notes else []), *notes])


def as_json(results: list[Result]) -> dict[str, Any]:
    """Everything: each trial's figures and each ratio's spread."""
    return {
        "date": _now(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "scenarios": {
            result.scenario.name: [
                {
                    "contender": row.name,
                    "skipped": row.skipped or None,
                    "trials": row.trials,
                    "ratio_to_first": {
                        figure: _plain(row.ratio(result.rows[0], figure)) for figure in result.scenario.figures
                    },
                }
                for row in result.rows
            ]
            for result in results
        },
    }


def _skips(results: list[Result]) -> list[str]:
    """One line for each contender and reason, with the scenarios that it concerns."""
    where: dict[tuple[str, str], list[str]] = {}
    for result in results:
        for row in result.rows:
            if row.skipped:
                where.setdefault((row.name, row.skipped), []).append(result.scenario.name)
    return [f"{name} skipped ({reason}): {', '.join(names)}" for (name, reason), names in where.items()]


def _line(result: Result, figure: str, row: Row) -> tuple[str, ...]:
    spread = row.spread(figure)
    ratio = row.ratio(result.rows[0], figure)
    node = next((other for other in result.rows if other.name.startswith("node ws")), None)
    to_node = row.ratio(node, figure) if node else None
    return (
        result.scenario.name,
        figure,
        row.name,
        f"{spread.median:,.0f}" if spread and spread.median >= 100 else f"{spread.median:.1f}" if spread else "",
        f"{ratio.median:.2f}" if ratio else "",
        f"{ratio.low:.2f} - {ratio.high:.2f}" if ratio else "",
        f"{to_node.median:.2f}" if to_node else "",
    )


def _plain(spread: Spread | None) -> dict[str, float] | None:
    return asdict(spread) if spread else None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _machine() -> str:
    return f"{_now()}, {os.cpu_count()} cores, Python {platform.python_version()}, {platform.machine()}"
