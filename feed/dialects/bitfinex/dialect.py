"""The dialect: messages of the exchange."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from feed.data.rows import BookRows, CandleRows, Rows, TickerRows, TradeRows
from feed.data.ticks import BUY
from feed.dialects.base import ConnectionLimit, Kind
from feed.dialects.bitfinex.books import book_rows
from feed.dialects.bitfinex.figures import candle_text, ticker_text
from feed.dialects.bitfinex.names import TIMESTAMP, BitfinexChannel, Numbers, channel_of
from feed.dialects.bitfinex.rest import REST
from feed.dialects.bitfinex.session import BitfinexSession
from feed.dialects.bitfinex.shape import BitfinexShape
from feed.dialects.exchange.dialect import ExchangeDialect, Telling
from feed.dialects.exchange.session import ExchangeSession
from feed.dialects.rest import RestSide
from feed.protocol.shape import MessageShape
from feed.units import MILLISECOND, MINUTE

__all__ = ["BitfinexDialect"]


class BitfinexDialect(ExchangeDialect):
    """Wire format of Bitfinex v2."""

    name: ClassVar[str] = "bitfinex"
    title: ClassVar[str] = "Bitfinex v2"
    usual_path: ClassVar[str] = "/ws/2"
    hosts: ClassVar[tuple[str, ...]] = ("api-pub.bitfinex.com", "api.bitfinex.com")
    has_stamps: ClassVar[bool] = True
    compresses: ClassVar[bool] = False
    connection_limit: ClassVar[ConnectionLimit | None] = ConnectionLimit(20, MINUTE)
    rest: ClassVar[RestSide | None] = REST
    session: ClassVar[type[ExchangeSession]] = BitfinexSession
    shape: ClassVar[MessageShape] = BitfinexShape()

    def tell(self, rows: Rows, telling: Telling) -> list[bytes]:
        """Return the messages of each row, with line breaks between them."""
        keys, kind, skipped = dict(telling.options), telling.kind, telling.skipped
        if "channel" not in keys:
            return [b""] * len(rows)
        channel, flags = channel_of(keys["channel"]), int(keys.get("flags", 0))
        match rows:
            case TradeRows():
                return _trades(rows, channel, flags, telling.first_id, kind)
            case BookRows():
                return book_rows(rows, channel, flags)
            case TickerRows():
                write = Numbers(rows.instrument, flags)
                return [
                    _message(channel, ticker_text(it, write), it.time, flags)
                    if it.last and (it.fresh or kind == "state" or skipped)
                    else b""
                    for it in rows.tickers
                ]
            case CandleRows():
                return _candles(rows, channel, flags, kind)
        return [b""] * len(rows)


def _message(channel: BitfinexChannel, data: str, time: int, flags: int) -> bytes:
    stamp = f",{time // MILLISECOND}" if flags & TIMESTAMP else ""
    return f"[{channel.number},{data}{stamp}]".encode()


def _trades(rows: TradeRows, channel: BitfinexChannel, flags: int, first_id: int, kind: Kind) -> list[bytes]:
    write, ticks = Numbers(rows.instrument, flags), rows.ticks
    times = ticks.time.tolist()
    # What takers sold is negative.
    amounts = (ticks.size * np.where(ticks.side == BUY, 1, -1)).tolist()
    texts = [
        f"[{number},{write.time(time)},{write.size(amount)},{write.price(price)}]"
        for number, (time, amount, price) in enumerate(zip(times, amounts, ticks.price.tolist(), strict=True), first_id)
    ]
    if kind == "update":
        number = channel.number
        stamps = [f",{time // MILLISECOND}" for time in times] if flags & TIMESTAMP else [""] * len(times)
        return [
            f'[{number},"te",{text}{stamp}]\n[{number},"tu",{text}{stamp}]'.encode()
            for text, stamp in zip(texts, stamps, strict=True)
        ]
    return [*[b""] * (len(rows) - 1), _message(channel, f"[{','.join(reversed(texts))}]", times[-1], flags)]


def _candles(rows: CandleRows, channel: BitfinexChannel, flags: int, kind: Kind) -> list[bytes]:
    write = Numbers(rows.instrument, flags)
    if kind == "update":
        return [_message(channel, candle_text(it, write), it.time, flags) if it.trades else b"" for it in rows.candles]
    shown = [candle_text(it, write) for it in reversed(rows.candles) if it.trades]
    data = _message(channel, f"[{','.join(shown)}]", rows.candles[-1].time, flags)
    return [*[b""] * (len(rows) - 1), data]
