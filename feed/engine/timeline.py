"""Timeline of one symbol's script: its pieces as arrays, for queries at any times."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from feed.data.ticks import StatusChange
from feed.engine.script import FOREVER, Exact, Goal, Move, Piece, Reversion, Scale, State, Stop, pieces_of
from feed.randomness import log2
from feed.scenario.model import Scenario
from feed.units import MINUTE

__all__ = ["FIXED", "Timeline"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FIXED = 40
"""Binary places of log2 prices, which are summed as integers: a sum of floats depends on its grouping."""


class Timeline:
    """Script of one symbol.

    Outside its phases, including before the start, the market follows `[market]`.
    """

    def __init__(self, scenario: Scenario, symbol: str) -> None:
        self._symbol = symbol
        self._start = scenario.start
        pieces = pieces_of(scenario, symbol)
        self.pins = [p for p in pieces if isinstance(p, Exact | Goal) and p.start < p.end]
        self.reversions = [p for p in pieces if isinstance(p, Reversion)]
        moves = [p for p in pieces if isinstance(p, Move)]
        self._moves = _Rows(moves)
        self._promised = np.unique(np.array([pin.end for pin in self.pins], np.int64))
        self._begun = np.array([move.start - move.known for move in moves], np.int64)
        factors = np.array([move.factor for move in moves], np.float64)
        self._steps = np.floor(log2(factors) * 2.0**FIXED + 0.5).astype(np.int64)
        self._stops = _Rows([p for p in pieces if isinstance(p, Stop)])
        self._states = _Rows([p for p in pieces if isinstance(p, State)])
        edges = np.unique(np.concatenate([self._states.start, self._states.end]))
        self._edges = edges[(edges > self._start) & (edges < FOREVER)]
        self._scales = {
            key: _Rows([p for p in pieces if isinstance(p, Scale) and p.key == key])
            for key in ("activity", "volatility", "spread", "liquidity")
        }

    def moved(self, times: Ints) -> Ints:
        """Return the scripted log2 price change from the start to each time, in fixed point; times never decrease."""
        rows = self._moves
        if not rows.pieces or not len(times):
            return np.zeros(len(times), np.int64)
        total = np.full(len(times), int(self._steps[rows.end <= times[0]].sum()), np.int64)
        for index in np.flatnonzero((rows.start <= times[-1]) & (rows.end > times[0])):
            length = int(rows.end[index] - rows.start[index])
            share = np.clip((times - rows.start[index]).astype(np.float64) / float(length), 0.0, 1.0)
            total += np.floor(share * float(self._steps[index]) + 0.5).astype(np.int64)
        return total

    def promised(self, start: int, end: int) -> Ints:
        """Return the times after `start` and up to `end` at which a promised move ends."""
        lo, hi = np.searchsorted(self._promised, [start, end], side="right")
        result: Ints = self._promised[lo:hi]
        return result

    @property
    def moves(self) -> bool:
        """Whether the script moves the price at any time."""
        return bool(self._moves.pieces)

    @property
    def begun(self) -> Ints:
        """Times at which the script's moves, or the events that they are a part of, begin; in order."""
        return np.unique(self._begun)

    def moved_by(self, at: int, known: int) -> int:
        """Return `moved` at time `at` from only the moves and events begun by `known`: only they are certain then."""
        rows = self._moves
        lengths = np.maximum(rows.end - rows.start, 1).astype(np.float64)
        share = np.clip((at - rows.start).astype(np.float64) / lengths, 0.0, 1.0)
        steps = np.where(rows.end <= at, self._steps, np.floor(share * self._steps + 0.5).astype(np.int64))
        return int(steps[self._begun <= known].sum())

    def factor(self, key: str, times: Ints) -> Floats:
        """Return the product of the factors in force at each time; times never decrease."""
        values = np.ones(len(times))
        for lo, hi, piece in self._scales[key].over(times):
            assert isinstance(piece, Scale)  # only scales are in these rows
            if piece.first == piece.last:
                values[lo:hi] *= piece.first
            else:
                share = (times[lo:hi] - piece.start).astype(np.float64) / float(piece.end - piece.start)
                values[lo:hi] *= piece.first + (piece.last - piece.first) * share
        return values

    def scales(self, key: str, start: int, end: int) -> bool:
        """Return whether a piece scales this key at any time from `start` up to, not including, `end`."""
        rows = self._scales[key]
        return bool(rows.pieces) and bool(((rows.start < end) & (rows.end > start)).any())

    def uneven(self, key: str, minutes: Ints) -> NDArray[np.bool_]:
        """Return True for each minute within which a factor changes; minutes are in order."""
        return self._scales[key].uneven(minutes)

    def traded(self, times: Ints) -> Floats:
        """Return 1 for each time with trading and 0 for each without."""
        values = np.ones(len(times))
        for lo, hi, _ in self._stops.over(times):
            values[lo:hi] = 0.0
        return values

    def stopped(self, start: int, end: int) -> list[tuple[int, int]]:
        """Return the stretches without trading that overlap the time from `start` to `end`."""
        rows = self._stops
        return [(int(rows.start[i]), int(rows.end[i])) for i in np.flatnonzero((rows.start < end) & (rows.end > start))]

    def breaks(self, start: int, end: int) -> Ints:
        """Return the times from `start` to `end` at which the price is discontinuous: jumps, and the ends of stops."""
        at_once = self._moves.end - self._moves.start <= 1
        edges = np.concatenate([self._moves.end[at_once], self._stops.end])
        return edges[(edges >= start) & (edges <= end)]

    def changes(self, start: int, end: int) -> list[StatusChange]:
        """Return the changes with `start` <= time < `end`, in order; the state at the scenario's start is no change."""
        lo, hi = np.searchsorted(self._edges, [start, end])
        return [now for edge in self._edges[lo:hi] for now in (self.state(int(edge)),) if self._differs(now)]

    def _differs(self, now: StatusChange) -> bool:
        before = self.state(now.time - 1)
        return (before.status, before.reason, before.phase) != (now.status, now.reason, now.phase)

    def state(self, at: int) -> StatusChange:
        """Return the status in force at market time `at`: that of the event that began last, or else of the phase."""
        rows = self._states
        now = [rows.pieces[i] for i in np.flatnonzero((rows.start <= at) & (rows.end > at))]
        states = [piece for piece in now if isinstance(piece, State)]
        phase = next((state.phase for state in states if state.phase is not None), "base")
        event = max((s for s in states if s.phase is None), key=lambda state: state.start, default=None)
        state = event or next((state for state in states if state.phase is not None), None)
        if state is None:
            return StatusChange(at, self._symbol, "online", "", phase)
        return StatusChange(at, self._symbol, state.status, state.reason, phase)


class _Rows:
    """Pieces with their edges as arrays."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self.pieces: tuple[Piece, ...] = tuple(pieces)
        self.start = np.array([piece.start for piece in pieces], np.int64)
        self.end = np.array([piece.end for piece in pieces], np.int64)

    def over(self, times: Ints) -> list[tuple[int, int, Piece]]:
        """Return the pieces that contain any of the times, each with the range of their rows; times never decrease."""
        if not self.pieces or not len(times):
            return []
        found = np.flatnonzero((self.start <= times[-1]) & (self.end > times[0]))
        lo = np.searchsorted(times, self.start[found], side="left")
        hi = np.searchsorted(times, self.end[found], side="left")
        return [(int(a), int(b), self.pieces[i]) for a, b, i in zip(lo, hi, found, strict=True)]

    def uneven(self, minutes: Ints) -> NDArray[np.bool_]:
        """Return True for each minute that contains the edge of a piece, or a part of one that runs."""
        found = np.zeros(len(minutes), bool)
        if not self.pieces or not len(minutes):
            return found
        low, high = int(minutes[0]) * MINUTE, (int(minutes[-1]) + 1) * MINUTE
        for index in np.flatnonzero((self.start < high) & (self.end > low)).tolist():
            piece, start, end = self.pieces[index], int(self.start[index]), int(self.end[index])
            if isinstance(piece, Scale) and piece.first != piece.last:
                lo, hi = np.searchsorted(minutes, [start // MINUTE, -(-end // MINUTE)])
                found[lo:hi] = True
                continue
            for edge in (start, end):
                row = int(np.searchsorted(minutes, edge // MINUTE))
                if edge % MINUTE and row < len(minutes) and minutes[row] == edge // MINUTE:
                    found[row] = True
        return found
