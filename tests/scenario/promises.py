"""What the bundled scenarios promise in their opening comments, as figures of their markets.

`python -m tests.scenario.promises` prints a table: the least, the median and the greatest of each over 20 seeds.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from tests.scenario.sight import Sight

__all__ = ["FEW_SEEDS", "PROMISES", "SEEDS", "Found", "Promise", "keeps", "values_of"]

SEEDS = range(20)

FEW_SEEDS = (1, 2, 6, 9)
"""What shows a broken script in every run; what is usual by chance needs all of them."""


@dataclass(frozen=True, slots=True)
class Promise:
    """A statement of a scenario's opening comment, and the figure that it stands for.

    What is a script's is exact: every seed's figure is from `low` to `high`. What is left to chance differs from seed
    to seed, and its usual value is from `usual[0]` to `usual[1]`: the median over the seeds, or where there is a `base`
    the sum of the figures over the sum of that.
    """

    words: str
    figure: Callable[[Sight], float]
    low: float
    high: float
    usual: tuple[float, float] | None = None
    base: Callable[[Sight], float] | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A promise's figure for each seed, and its usual value."""

    values: list[float]
    usual: float


def exactly(words: str, percent: float, start: float, end: float, symbol: int = 0) -> Promise:
    """The price changes by so many percent, to an eighth of one percent of what it ends at, for every seed.

    Nobody knows of a move before it begins, so the price before is that of the last trade, a second old perhaps.
    """
    apart = 0.125 * max(1.0, 1.0 + percent / 100)
    return Promise(words, lambda seen: seen.change(start, end, symbol), percent - apart, percent + apart)


def at_once(words: str, percent: float, start: float, end: float) -> Promise:
    """The price is elsewhere behind a moment, or a silence; the noise is that of one order."""
    usual = (percent - 0.1, percent + 0.1)
    return Promise(words, lambda seen: seen.jump(start, end), percent - 0.2, percent + 0.2, usual)


def silent(words: str, start: float, end: float) -> Promise:
    """There is no trade."""
    return Promise(words, lambda seen: len(seen.ticks(start, end)), 0, 0)


def told(words: str, status: str, start: float, end: float) -> Promise:
    """The status holds from start to end and neither before nor after."""

    def figure(seen: Sight) -> float:
        held = [seen.status(at) == status for at in (start - 0.1, start, end - 0.1, end)]
        return float(held == [False, True, True, False])

    return Promise(words, figure, 1, 1)


def times(words: str, span: tuple[float, float], base: tuple[float, float], usual: tuple[float, float]) -> Promise:
    """So many times the orders of another stretch."""
    return Promise(
        words, lambda seen: seen.orders_a_second(*span), 0, 1e9, usual, lambda seen: seen.orders_a_second(*base)
    )


def one_colour(seen: Sight) -> float:
    """The share of minutes in which all symbols rise or all fall, percent."""
    signs = np.array([np.sign(seen.changes(0, 3600, 60, symbol)) for symbol in range(len(seen.scenario.symbols))])
    return float(np.mean(np.abs(signs.sum(axis=0)) == len(signs)) * 100)


def written(seen: Sight) -> float:
    """How many of the trades that are written by hand are there."""
    block = seen.ticks(0, 90)
    rows = {(int(t), int(p), int(s)) for t, p, s in zip(block.time, block.price, block.size, strict=True)}
    wanted = [
        (seen.source.start + tick.at, int(tick.price * 100), int(tick.size * 100_000)) for tick in seen.scenario.ticks
    ]
    return sum(each in rows for each in wanted)


def away(seen: Sight, share: float) -> float:
    """How far from 65 000 the price is, in half a day sampled every half hour: a quantile."""
    return float(np.quantile([abs(seen.price(1800 * half) - 65_000) for half in range(1, 25)], share))


def moves(seen: Sight) -> float:
    """How far the price moves in an ordinary minute of an hour."""
    return float(np.median(np.abs(seen.changes(0, 3600, 60))))


def leap(seen: Sight, step: int) -> float:
    """The largest move of an hour in so many seconds."""
    return float(np.max(np.abs(seen.changes(0, 3600, step))))


def asks(seen: Sight, start: float, end: float) -> float:
    """What usually stands at the ask, in lots."""
    return float(np.median(seen.orders(start, end).ask_size))


def by_day(seen: Sight, hours: float, other: float) -> float:
    """Orders in two hours of one day against those of another."""
    return seen.orders_a_second(hours * 3600, (hours + 2) * 3600) / seen.orders_a_second(
        other * 3600, (other + 2) * 3600
    )


def steeper(seen: Sight) -> float:
    """How much of a squeeze comes in its second half, percent of the whole."""
    return seen.change(360, 600) / seen.change(120, 600) * 100


def colours(seen: Sight) -> float:
    """The minutes of an up phase that rise less those that fall."""
    return float(np.sign(seen.changes(0, 1800, 60)).sum())


PROMISES: dict[str, list[Promise]] = {
    "burst": [
        Promise("some two thousand trades a second", lambda s: s.fills_a_second(30, 40), 300, 6000, (1500, 2700)),
        times("a hundred times the usual orders", (30, 40), (0, 30), (75, 130)),
    ],
    "calm": [
        Promise("a few orders a second", lambda s: s.orders_a_second(0, 1800), 2, 10, (3, 6)),
        Promise("with some fills each", lambda s: s.fills_a_second(0, 600) / s.orders_a_second(0, 600), 1.5, 4),
        Promise("a spread of one tick nearly always", lambda s: s.tight(0, 1800), 98, 100),
        Promise("a spread of one tick nearly always", lambda s: s.spread(0, 3600, 1), 0.01, 1),
        Promise("moves by some dollars a minute", moves, 2, 25, (4, 12)),
    ],
    "circuit-breaker": [
        exactly("5 % down within a minute", -5, 60, 120),
        told("`halted` at 00:02:00", "halted", 120, 240),
        silent("stands still", 120, 240),
        told("`auction` at 00:04:00", "auction", 240, 300),
        at_once("begins where the fall ended", 0, 120, 240),
        exactly("finds a price 2 % higher", 2, 120, 300),
        times("six times the trades at first", (300, 320), (0, 60), (4.5, 7.5)),
        Promise("a wide spread", lambda s: s.spread(300, 320), 0.04, 0.2),
        times("as usual again by 00:10:00", (600, 720), (0, 60), (0.7, 1.4)),
        Promise("as usual again by 00:10:00", lambda s: s.spread(600, 720), 0.009, 0.011),
    ],
    "exact-ticks": [Promise("exactly these five trades", written, 5, 5)],
    "flash-crash": [
        exactly("8 % down in three", -8, 120, 300),
        exactly("takes back two thirds by 00:11:00", (0.9728 / 0.92 - 1) * 100, 300, 660),
        times("six to ten times the trades", (120, 300), (0, 120), (6, 10)),
        Promise("a spread that grows to dollars", lambda s: s.spread(270, 300), 2, 4),
        Promise("halve every five minutes", lambda s: s.spread(600, 660) / s.spread(300, 360), 0.4, 0.6),
        times("halve every five minutes", (600, 660), (300, 360), (0.35, 0.8)),
        Promise("until 00:29:00", lambda s: s.spread(1750, 1900), 0.009, 0.03),
    ],
    "gap": [
        silent("half a minute without trades", 120, 150),
        at_once("4 % less", -4, 120, 150),
        at_once("a jump of 2.5 % up", 2.5, 360, 360),
    ],
    "halt": [
        told("at 00:01:00 `halted`", "halted", 60, 180),
        silent("no more trades", 60, 180),
        told("at 00:03:00 `auction`", "auction", 180, 210),
        Promise("with a wide spread", lambda s: s.spread(180, 210), 0.1, 0.4),
    ],
    "maintenance": [
        told("at 00:01:00 `maintenance` for three minutes", "maintenance", 60, 240),
        silent("no trades", 60, 240),
    ],
    "majors": [
        Promise("every second minute all of them are green or all red", one_colour, 25, 75, (42, 58)),
        exactly("SOL alone falls by 6 %", -6, 300, 420, 2),
    ],
    "news": [
        at_once("a jump of 1.5 %", 1.5, 180, 180),
        times("ten times the trades", (180, 240), (0, 180), (7, 13)),
        times("calms down over five minutes", (480, 600), (0, 180), (0.6, 1.6)),
        at_once("a jump of -2 %", -2, 780, 780),
        at_once("one of 2.1 % up", 2.1, 960, 960),
    ],
    "pump-and-dump": [
        exactly("a rise of 120 %", 120, 120, 600),
        exactly("leaves a tenth of it", 12, 120, 1800),
        Promise("five decimals", lambda s: s.source.instruments[0].price_decimals, 5, 5),
    ],
    "quiet": [
        Promise("a trade or two every minute", lambda s: s.orders_a_second(600, 7200) * 60, 0.8, 4, (1, 3)),
        silent("none at all", 300, 600),
        Promise("the symbol is online", lambda s: s.status(400) == "online", 1, 1),
    ],
    "range": [
        Promise("within a hundred dollars or two", lambda s: away(s, 0.5), 20, 300, (50, 200)),
        Promise("some hundreds away", lambda s: away(s, 1.0), 100, 2500, (300, 1000)),
    ],
    "realistic": [
        Promise("a spread of one cent nearly always", lambda s: s.tight(0, 3600), 98, 100),
        Promise("some ten trades a second", lambda s: s.fills_a_second(0, 6 * 3600), 5, 20, (7, 13)),
    ],
    "spread-blowout": [
        Promise("from one cent", lambda s: s.spread(0, 60), 0.009, 0.011),
        Promise("to some ten dollars", lambda s: s.spread(60, 70), 7, 13),
        Promise("closes within two minutes", lambda s: s.spread(180, 240), 0.009, 0.011),
        Promise("closes within two minutes", lambda s: s.spread(400, 420), 2, 8),
    ],
    "squeeze": [
        exactly("7 % in all", 7, 120, 600),
        exactly("a third of it comes back within ten minutes", -2.3, 600, 1200),
        Promise("gets steeper", steeper, 60, 90),
        Promise("two buys for each sell", lambda s: s.buys(120, 600), 55, 80, (63, 72)),
        Promise("thin asks", lambda s: asks(s, 480, 600) / asks(s, 0, 120), 0.05, 0.6),
    ],
    "target": [
        Promise("is at 70 000 at 00:10:00 to the dollar", lambda s: s.price(600), 69_999, 70_001),
        Promise("back to 66 500 by 00:20:00", lambda s: s.price(1200), 66_499, 66_501),
    ],
    "thin-book": [
        Promise("a twentieth of the usual sizes", lambda s: s.book(120, 720) / s.book(0, 120), 0.02, 0.1, (0.04, 0.06)),
        Promise("a spread of several cents", lambda s: s.spread(120, 720), 0.04, 0.12),
        Promise("then the book fills up again", lambda s: s.book(720, 900) / s.book(0, 120), 0.4, 2.5, (0.8, 1.25)),
    ],
    "trending": [
        exactly("for 30 minutes (+6 %)", 6, 0, 1800),
        exactly("a slower fall (-3 %)", -3, 1800, 3600),
        Promise("higher highs", colours, 5, 30, (15, 30)),
    ],
    "volatile": [
        Promise("tens of trades a second", lambda s: s.fills_a_second(0, 900), 15, 200, (30, 90)),
        Promise("moves of a hundred dollars within seconds", lambda s: leap(s, 5), 50, 1500, (100, 500)),
        Promise("from some cents", lambda s: s.spread(60, 400), 0.03, 0.12),
        Promise("to half a dollar", lambda s: s.spread(72 * 60, 72 * 60 + 30), 0.4, 0.8),
        Promise("the book thins out", lambda s: s.book(4320, 4380) / s.book(4080, 4320), 0.1, 0.7, (0.25, 0.5)),
    ],
    "waves": [
        exactly("1.5 % up in two minutes", 1.5, 0, 120),
        exactly("as much down in the next two", -1.4778, 120, 240),
        exactly("two hundred times", 1.5, 240 * 50, 240 * 50 + 120),
    ],
    "weekend": [
        Promise("fewer trades from Saturday", lambda s: by_day(s, 18, -6), 0.15, 3, (0.4, 0.8)),
        Promise("more again on Monday", lambda s: by_day(s, 66, 18), 0.5, 5, (1.2, 2.2)),
    ],
    "ui-calm": [
        Promise("two trades a second", lambda s: s.fills_a_second(0, 900), 0.8, 4.5, (1.4, 2.6)),
        Promise("one at a time", lambda s: s.fills_a_second(0, 900) / s.orders_a_second(0, 900), 1, 1),
        Promise("one cent, always", lambda s: s.tight(0, 900), 100, 100),
        Promise("moves by some dollars a minute", moves, 0.8, 10, (2, 8)),
    ],
    "ui-waves": [
        Promise("two trades a second", lambda s: s.fills_a_second(0, 900), 0.8, 4.5, (1.4, 2.6)),
        Promise("a spread of one cent", lambda s: s.tight(0, 900), 100, 100),
        exactly("1 % up in five minutes", 1, 0, 300),
        exactly("back in the next five", -0.99, 300, 600),
    ],
    "ui-crash": [
        Promise("two trades a second", lambda s: s.fills_a_second(0, 120), 0.6, 4.5, (1.4, 2.6)),
        exactly("a fall of 8 %", -8, 120, 300),
        Promise("with four trades a second", lambda s: s.fills_a_second(120, 300), 1, 12, (2.8, 5.5)),
        Promise("a spread of half a dollar", lambda s: s.spread(120, 300), 0.4, 0.6),
        told("`halted` until 00:07:00", "halted", 300, 420),
        exactly("two thirds of the fall come back", 5.7391, 300, 780),
        Promise("the spread is one cent", lambda s: s.tight(420, 780), 100, 100),
    ],
}


def values_of(name: str, seeds: Iterable[int] = SEEDS) -> list[Found]:
    """What is found for each promise of a scenario."""
    seen = [Sight(name, seed) for seed in seeds]
    found = []
    for promise in PROMISES[name]:
        values = [promise.figure(sight) for sight in seen]
        if promise.base is None:
            found.append(Found(values, float(np.median(values))))
            continue
        bases = [promise.base(sight) for sight in seen]
        ratios = [value / base for value, base in zip(values, bases, strict=True)]
        found.append(Found(ratios, sum(values) / sum(bases)))
    return found


def main() -> None:
    """Prints the table."""
    for name, promises in PROMISES.items():
        for promise, found in zip(promises, values_of(name), strict=True):
            figures = f"{min(found.values):.5g} / {found.usual:.5g} / {max(found.values):.5g}"
            kept = "" if keeps(promise, found) else "  NOT KEPT"
            sys.stdout.write(f"{name:16} {promise.words:52} {figures}{kept}\n")


def keeps(promise: Promise, found: Found, slack: float = 0) -> bool:
    """Whether every seed is where it should be, and the usual value too, within such a share more or less."""
    low, high = promise.usual or (promise.low, promise.high)
    low, high = low - slack * abs(low), high + slack * abs(high)
    return promise.low <= min(found.values) and max(found.values) <= promise.high and low <= found.usual <= high


if __name__ == "__main__":
    main()
