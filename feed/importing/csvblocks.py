"""Blocks of whole lines of a CSV, parsed in parallel and yielded in order.

Arrow's own streaming reader reads far ahead, parses one block after another, and can say neither the row of a line with
too few cells nor that of a wrong cell. Here each block is parsed by itself: as numbers, and if that fails, as text, in
which `feed.importing.conversion` finds the wrong cell.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pc_csv

from feed.errors import failure

__all__ = ["CsvLayout", "read_blocks"]

BLOCK_BYTES = 2 * 1024 * 1024
BLOCKS_AHEAD = 3
"""The number of blocks that are parsed, or wait for it, while one is worked on."""

PARSER_THREADS = 2


@dataclass(frozen=True, slots=True)
class CsvLayout:
    """Layout of the lines and columns of a CSV.

    Attributes:
        names: names of all columns.
        included: names of the wanted columns.
        kinds: usual types of wanted columns that are not text.
        header: the first line is a header, not a row.
        leading: the number of lines before the first one.
        head: the cells of the header, which are left out where they come again.
    """

    names: Sequence[str]
    included: Sequence[str]
    kinds: Mapping[str, pa.DataType]
    delimiter: str
    header: bool
    leading: int = 0
    head: Sequence[str] = ()


@dataclass(slots=True)
class _Block:
    """A block's columns, or the reason why there are none, and the lines that have too few or too many cells.

    `rest` is the last line, if it has no end; `repeated` counts the headers among the rows.
    """

    rows: pa.RecordBatch | None = None
    problem: str = ""
    skipped: int = 0
    odd: list[Any] = field(default_factory=list)
    rest: str = ""
    repeated: int = 0


def read_blocks(
    path: Path, stream: IO[bytes], layout: CsvLayout, say: Callable[[str], None]
) -> Iterator[pa.RecordBatch]:
    """Yield the wanted columns, some rows at a time.

    A last line that was cut off is left out, and so is a header that comes again; `say` is told.

    Raises:
        RecordingError: a line has too few or too many cells.
    """
    row = 1
    pool = ThreadPoolExecutor(PARSER_THREADS, thread_name_prefix="feed-csv")
    waiting: deque[Future[_Block]] = deque()
    try:
        for number, block in enumerate(_lines(stream)):
            waiting.append(pool.submit(_parsed, layout, block, skipped=_skipped(layout) if number == 0 else 0))
            if len(waiting) > BLOCKS_AHEAD:
                rows = _checked(path, waiting.popleft().result(), row, say)
                row += len(rows)
                yield rows
        while waiting:
            rows = _checked(path, waiting.popleft().result(), row, say)
            row += len(rows)
            yield rows
    finally:
        # Without waiting: a generator that is abandoned halfway is closed by the garbage collector, which may run in
        # any thread and at any moment, also while a thread starts and waiting for another one's end is impossible.
        pool.shutdown(wait=False, cancel_futures=True)


def _skipped(layout: CsvLayout) -> int:
    """Return the number of lines before the first row."""
    return layout.leading + int(layout.header)


def _lines(stream: IO[bytes]) -> Iterator[bytes]:
    """Yield blocks that end with a line's end; a last line without one belongs to the block before."""
    block = rest = b""
    while data := stream.read(BLOCK_BYTES):
        cut = data.rfind(b"\n") + 1
        if not cut:
            rest += data
            continue
        if block:
            yield block
        block, rest = rest + data[:cut], data[cut:]
    if block or rest:
        yield block + rest


def _parsed(layout: CsvLayout, block: bytes, *, skipped: int) -> _Block:
    rest = block[block.rfind(b"\n") + 1 :].decode("utf-8", "replace")
    made = _Block(skipped=skipped, rest=rest.strip())
    for kinds in (layout.kinds, {}):
        made.odd.clear()
        try:
            made.rows = _parse(layout, block, skipped, kinds, made)
            if not kinds and layout.header:
                made.rows, made.repeated = _without_headers(layout, made.rows)
            return made
        except pa.ArrowInvalid as error:
            made.problem = str(error)
    return made


def _without_headers(layout: CsvLayout, rows: pa.RecordBatch) -> tuple[pa.RecordBatch, int]:
    """Return the rows of a block of text that are not the header again, and how many are."""
    same = pa.array([True] * len(rows))
    for name in layout.included:
        place = layout.names.index(name)
        cell = layout.head[place] if place < len(layout.head) else ""
        same = pc.and_(same, pc.fill_null(pc.equal(pc.utf8_trim_whitespace(rows.column(name)), cell), False))
    count = int(pc.sum(same).as_py() or 0)
    return (rows.filter(pc.invert(same)), count) if count else (rows, 0)


def _parse(
    layout: CsvLayout, block: bytes, skipped: int, kinds: Mapping[str, pa.DataType], made: _Block
) -> pa.RecordBatch:
    def odd(line: Any) -> str:
        made.odd.append(line)
        return "skip"

    table = pc_csv.read_csv(
        pa.BufferReader(block),
        read_options=pc_csv.ReadOptions(
            column_names=list(layout.names), skip_rows=skipped, use_threads=False, block_size=len(block) + 1
        ),
        parse_options=pc_csv.ParseOptions(delimiter=layout.delimiter, invalid_row_handler=odd),
        convert_options=pc_csv.ConvertOptions(
            column_types={**dict.fromkeys(layout.names, pa.string()), **kinds},
            include_columns=list(layout.included),
            null_values=[""],
            strings_can_be_null=False,
        ),
    )
    batches = table.combine_chunks().to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], schema=table.schema)


def _checked(path: Path, block: _Block, row: int, say: Callable[[str], None]) -> pa.RecordBatch:
    if block.odd and block.rest and block.odd[-1].text.strip() == block.rest and _is_short(block.odd[-1]):
        block.odd.pop()
        say(f"{path.name}: the last line was cut off and is left out: {block.rest[:60]!r}")
    if block.odd:
        first = block.odd[0]
        # Lines of a block are counted from 1, the header included.
        at = row + (first.number or 1) - 1 - block.skipped
        text = f"has {first.actual_columns} cells where the first line has {first.expected_columns}"
        raise failure(path, f"row {at}", text, first.text[:80])
    if block.rows is None:
        raise failure(path, f"row {row} and after", f"cannot be read: {block.problem.splitlines()[0][:300]}")
    if block.repeated:
        say(f"{path.name}: the header comes again among the rows, and is left out there")
    return block.rows


def _is_short(line: Any) -> bool:
    return bool(line.actual_columns < line.expected_columns)
