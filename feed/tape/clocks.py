"""The two clocks of a recording's rows, in memory and in the file.

In memory a time is a count of ns, null where the row's source did not give that clock. In the file both are timestamps
that are never null: with a null in it, pandas would read a column of counts as floats, and round them. A missing clock
has the other one's time there, and the column `clocks` names the clocks that were given.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from feed.tape.layout import CLOCKS, CLOCKS_COLUMN, FILE_SCHEMA, SCHEMA, words_of

__all__ = ["rows_for_file", "rows_of_file"]

_GIVEN = {"time": ("time", "both"), "received": ("received", "both")}
"""Words of `clocks` by the clock that they say was given."""


def rows_for_file(rows: pa.Table) -> pa.Table:
    """Return rows of `SCHEMA` as rows of `FILE_SCHEMA`."""
    received, time = rows["received"], rows["time"]
    clocks = _clocks(received, time)
    columns = {name: rows[name] for name in SCHEMA.names} | {
        CLOCKS_COLUMN: clocks,
        "received": _filled(received, time),
        "time": _filled(time, received),
    }
    made = [columns[field.name].cast(field.type) for field in FILE_SCHEMA]
    return pa.Table.from_arrays(made, schema=FILE_SCHEMA)


def rows_of_file(rows: pa.Table, names: list[str]) -> pa.Table:
    """Return columns of a file as columns of `SCHEMA`; a file of before `clocks` has its nulls in place."""
    made = {}
    for name in names:
        column = rows[name].cast(SCHEMA.field(name).type)
        if name in _GIVEN and CLOCKS_COLUMN in rows.column_names:
            column = _cleared(column, rows[CLOCKS_COLUMN], _GIVEN[name])
        made[name] = column
    return pa.table(made, schema=pa.schema([SCHEMA.field(name) for name in names]))


def _clocks(received: pa.ChunkedArray, time: pa.ChunkedArray) -> pa.ChunkedArray:
    if received.null_count in (0, len(received)) and time.null_count in (0, len(time)):
        code = (time.null_count == 0) + 2 * (received.null_count == 0)
        codes = np.full(len(time), code, np.int8)
    else:
        codes = pc.is_valid(time).to_numpy().astype(np.int8) + 2 * pc.is_valid(received).to_numpy().astype(np.int8)
    return pa.chunked_array([pa.DictionaryArray.from_arrays(pa.array(codes, pa.int8()), pa.array(CLOCKS))])


def _filled(column: pa.ChunkedArray, other: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the column without nulls: with the other clock, and with 0 where there is neither."""
    return pc.fill_null(pc.coalesce(column, other), 0) if column.null_count else column


def _cleared(column: pa.ChunkedArray, clocks: pa.ChunkedArray, given: tuple[str, ...]) -> pa.ChunkedArray:
    """Return the column with nulls in place of times that the source did not give."""
    words, code = words_of(clocks)
    absent = np.isin(code, [place for place, word in enumerate(words) if word not in given])
    return pc.if_else(pa.array(absent), pa.scalar(None, column.type), column) if absent.any() else column
