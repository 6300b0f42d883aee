"""Messages of the exchange's streams, without their combined form."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial

from feed.data.book import Level, Levels
from feed.data.rows import BookRows, CandleRow, CandleRows, QuoteRows, TickerRow, TickerRows, TradeRows
from feed.data.spans import SPANS
from feed.data.ticks import SELL, Instrument
from feed.dialects.binance.streams import StreamName
from feed.dialects.exchange.texts import FixedWriter, LevelTexts, changes_of, digits, fixed, rounded, split
from feed.units import HOUR, MICROSECOND, MILLISECOND, MINUTE

__all__ = ["book_rows", "candle_rows", "quote_rows", "ticker_rows", "trade_rows", "writer"]

DECIMALS = 8


@lru_cache(maxsize=64)
def writer(instrument: Instrument) -> FixedWriter:
    """Return the writer of an instrument: at least 8 decimals everywhere."""
    return FixedWriter(instrument, DECIMALS, DECIMALS)


@lru_cache(maxsize=64)
def texts_of(instrument: Instrument) -> LevelTexts:
    """Return the cache of an instrument's written levels."""
    write = writer(instrument)
    return LevelTexts(lambda price, size: f'["{write.price(price)}","{write.size(size)}"]')


def trade_rows(rows: TradeRows, name: StreamName, symbol: str, first_id: int, *, micros: bool) -> list[bytes]:
    """Return one message for each trade."""
    template, ticks = _trade_template(rows.instrument, symbol, name.kind), rows.ticks
    each = rows.instrument
    times = (ticks.time // (MICROSECOND if micros else MILLISECOND)).tolist()
    ids = range(first_id, first_id + len(rows))
    prices = split(ticks.price, each.tick_units, each.price_decimals)
    sizes = split(ticks.size, each.lot_units, each.size_decimals)
    maker = [b"true" if side == SELL else b"false" for side in ticks.side.tolist()]
    if name.kind == "trade":
        return [template % row for row in zip(times, ids, *prices, *sizes, times, maker, strict=True)]
    return [template % row for row in zip(times, ids, *prices, *sizes, ids, ids, times, maker, strict=True)]


@lru_cache(maxsize=64)
def _trade_template(instrument: Instrument, symbol: str, kind: str) -> bytes:
    price = digits(instrument.price_decimals, max(DECIMALS, instrument.price_decimals))
    size = digits(instrument.size_decimals, max(DECIMALS, instrument.size_decimals))
    named = symbol.replace("%", "%%").encode()
    if kind == "trade":
        return (
            b'{"e":"trade","E":%d,"s":"'
            + named
            + b'","t":%d,"p":"'
            + price
            + b'","q":"'
            + size
            + b'","T":%d,"m":%b,"M":true}'
        )
    return (
        b'{"e":"aggTrade","E":%d,"s":"'
        + named
        + b'","a":%d,"p":"'
        + price
        + b'","q":"'
        + size
        + b'","f":%d,"l":%d,"T":%d,"m":%b,"M":true}'
    )


def quote_rows(rows: QuoteRows, symbol: str, first_id: int, *, whole: bool) -> list[bytes]:
    """Return one message for each change of the best prices or sizes; all of them if `whole`."""
    write, quotes, before = writer(rows.instrument), rows.quotes, rows.before
    columns = (quotes.bid.tolist(), quotes.bid_size.tolist(), quotes.ask.tolist(), quotes.ask_size.tolist())
    last = tuple(int(getattr(before, it)[0]) for it in ("bid", "bid_size", "ask", "ask_size")) if len(before) else ()
    found = []
    for number, quote in enumerate(zip(*columns, strict=True), first_id):
        if quote == last and not whole:
            found.append(b"")
            continue
        last = quote
        bid, bid_size, ask, ask_size = quote
        found.append(
            (
                f'{{"u":{number},"s":"{symbol}","b":"{write.price(bid)}","B":"{write.size(bid_size)}",'
                f'"a":"{write.price(ask)}","A":"{write.size(ask_size)}"}}'
            ).encode()
        )
    return found


def book_rows(rows: BookRows, name: StreamName, symbol: str, base: int, *, micros: bool) -> list[bytes]:
    """Return the changes of each step, or the best levels after it; empty for a step without a change."""
    texts, numbers = texts_of(rows.instrument), rows.numbers
    if name.part:
        return [
            _partial(texts, rows.ladders[row + 1].cut(int(name.part)), base + numbers[row + 1])
            if numbers[row + 1] > numbers[row]
            else b""
            for row in range(len(rows))
        ]
    unit = MICROSECOND if micros else MILLISECOND
    found = []
    for row in range(len(rows)):
        old, new = rows.ladders[row], rows.ladders[row + 1]
        if numbers[row + 1] <= numbers[row]:
            found.append(b"")
            continue
        if rows.touched:
            bids, asks = map(_now, rows.touched[row], new, (True, False))
        else:
            bids = changes_of(old.bids, new.bids, descending=True)
            asks = changes_of(old.asks, new.asks, descending=False)
        found.append(
            (
                f'{{"e":"depthUpdate","E":{rows.times[row] // unit},"s":"{symbol}","U":{base + numbers[row] + 1},'
                f'"u":{base + numbers[row + 1]},"b":[{",".join([texts[it] for it in bids])}],'
                f'"a":[{",".join([texts[it] for it in asks])}]}}'
            ).encode()
        )
    return found


def _now(prices: frozenset[int], side: Levels, descending: bool) -> tuple[Level, ...]:
    """Return the sizes at these prices now, those that are gone first, and then the best first."""
    sizes = dict(side)
    levels = [(price, sizes.get(price, 0)) for price in sorted(prices, reverse=descending)]
    return (*[level for level in levels if not level[1]], *[level for level in levels if level[1]])


def _partial(texts: LevelTexts, ladder: tuple[Levels, Levels], number: int) -> bytes:
    bids, asks = ladder
    return (
        f'{{"lastUpdateId":{number},"bids":[{",".join([texts[it] for it in bids])}],'
        f'"asks":[{",".join([texts[it] for it in asks])}]}}'
    ).encode()


def candle_rows(
    rows: CandleRows, name: StreamName, symbol: str, base: int, *, micros: bool, whole: bool
) -> list[bytes]:
    """Return the candles that are due; all of them with trades if `whole`."""
    return [
        _candle(rows.instrument, it, name.part, symbol, base, micros=micros)
        if it.trades and (it.fresh or whole)
        else b""
        for it in rows.candles
    ]


def _candle(instrument: Instrument, it: CandleRow, interval: str, symbol: str, base: int, *, micros: bool) -> bytes:
    write, unit = writer(instrument), MICROSECOND if micros else MILLISECOND
    span = SPANS[interval]
    # A candle of another time zone has the same length.
    end = (
        it.begin + span.length
        if not span.is_month
        else span.shifted(8 * HOUR if it.begin % (24 * HOUR) else 0).end(it.begin)
    )
    last = base + it.last_trade
    return (
        f'{{"e":"kline","E":{it.time // unit},"s":"{symbol}","k":{{"t":{it.begin // unit},"T":{end // unit - 1},'
        f'"s":"{symbol}","i":"{interval}","f":{last - it.trades + 1},"L":{last},"o":"{write.price(it.open)}",'
        f'"c":"{write.price(it.close)}","h":"{write.price(it.high)}","l":"{write.price(it.low)}",'
        f'"v":"{write.size(it.volume)}","n":{it.trades},"x":{"true" if it.closed else "false"},'
        f'"q":"{write.notional(it.notional)}","V":"{write.size(it.buy_volume)}",'
        f'"Q":"{write.notional(it.buy_notional)}","B":"0"}}}}'
    ).encode()


def ticker_rows(
    rows: TickerRows, name: StreamName, symbol: str, base: int, *, micros: bool, whole: bool
) -> list[bytes]:
    """Return the tickers of seconds in which something changed; all of them if `whole`."""
    make = _MAKERS.get(name.kind, _full)
    if name.kind == "window":
        make = partial(_full, window=name.part)
    found = []
    for it in rows.tickers:
        payload = make(rows.instrument, it, symbol, base, MICROSECOND if micros else MILLISECOND)
        shown = it.last and (it.fresh or whole)
        found.append((f"[{payload}]" if not name.symbol else payload).encode() if shown else b"")
    return found


def change_percent(it: TickerRow) -> str:
    """Return the change of the window in per cent, with three decimals."""
    return fixed(rounded(100_000 * (it.last - it.open), it.open), 3)


def opening(it: TickerRow) -> int:
    """Return the beginning of a ticker's window, ns."""
    return it.time // MINUTE * MINUTE - it.window


def _mini(instrument: Instrument, it: TickerRow, symbol: str, base: int, unit: int) -> str:
    del base
    write = writer(instrument)
    return (
        f'{{"e":"24hrMiniTicker","E":{it.time // unit},"s":"{symbol}","c":"{write.price(it.last)}",'
        f'"o":"{write.price(it.open)}","h":"{write.price(it.high)}","l":"{write.price(it.low)}",'
        f'"v":"{write.size(it.volume)}","q":"{write.notional(it.notional)}"}}'
    )


def _average(instrument: Instrument, it: TickerRow, symbol: str, base: int, unit: int) -> str:
    del base
    average = writer(instrument).average(it.notional, it.volume, it.last)
    return (
        f'{{"e":"avgPrice","E":{it.time // unit},"s":"{symbol}","i":"5m","w":"{average}","T":{it.last_time // unit}}}'
    )


def _full(instrument: Instrument, it: TickerRow, symbol: str, base: int, unit: int, window: str = "") -> str:
    write = writer(instrument)
    figures = (
        f'"v":"{write.size(it.volume)}","q":"{write.notional(it.notional)}","O":{opening(it) // unit},'
        f'"C":{it.time // unit},"F":{base + it.last_trade - (it.trades or 0) + 1},"L":{base + it.last_trade},'
        f'"n":{it.trades or 0}}}'
    )
    head = f'"E":{it.time // unit},"s":"{symbol}","p":"{write.price(it.last - it.open)}","P":"{change_percent(it)}",'
    average = write.average(it.notional, it.volume, it.last)
    if window:
        return (
            f'{{"e":"{window}Ticker",{head}"o":"{write.price(it.open)}","h":"{write.price(it.high)}",'
            f'"l":"{write.price(it.low)}","c":"{write.price(it.last)}","w":"{average}",{figures}'
        )
    return (
        f'{{"e":"24hrTicker",{head}"w":"{average}","x":"{write.price(it.before)}","c":"{write.price(it.last)}",'
        f'"Q":"{write.size(it.last_size)}","b":"{write.price(it.bid)}","B":"{write.size(it.bid_size)}",'
        f'"a":"{write.price(it.ask)}","A":"{write.size(it.ask_size)}","o":"{write.price(it.open)}",'
        f'"h":"{write.price(it.high)}","l":"{write.price(it.low)}",{figures}'
    )


_MAKERS: dict[str, Callable[[Instrument, TickerRow, str, int, int], str]] = {
    "miniTicker": _mini,
    "avgPrice": _average,
    "ticker": _full,
}
