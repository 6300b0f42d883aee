"""Market data as DataFrames: the same rows and columns whether from a stream, a scenario or a file.

Index `time`: a UTC DatetimeIndex in milliseconds, which is what the wire tells of market time. Columns, in order:

- `timestamp`: int64, the same in ms since the Unix epoch; `seq`: int64, counts from 1 for each symbol;
- `symbol`, `side`: categorical; the categories of `symbol` are those that are there, sorted, those of `side` fixed;
- `price`, `size`, `bid`, `bid_size`, `ask`, `ask_size`, `volume`: float64, the floats nearest to the decimals;
- `price_ticks`, `bid_ticks`, `ask_ticks`: int64, exact, in steps of the symbol's tick size;
- `size_lots`, `bid_lots`, `ask_lots`, `volume_lots`: int64, exact, in steps of its lot size;
- `trade_id`: int64.

The quote of a tick (`bid` to `ask_size`) is the one that it leaves, as on the wire. A recording of a venue has the last
one that was recorded before the trade instead, and says so: `frame.attrs["quotes"]` is `before` there, and the column
`invented` is True where nothing was recorded and a quote one tick wide is made up. `feed.analysis` uses the quote
before a tick throughout, whatever the frame has.

`frame.attrs["instruments"]` has the steps: `{symbol: [tick size, lot size]}`, decimals as text.
"""
