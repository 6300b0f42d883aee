"""Everything that reads files of others agrees on what it can read, and the formats are one table."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from feed.cli.app import app
from feed.dataframes.files import read
from feed.errors import RecordingError
from feed.importing.formats import FORMATS, detect
from feed.importing.opening import UNPACKING
from feed.scenario.find import RECORDINGS, find_scenario
from feed.sources.files import open_file
from feed.venues.registry import VENUES

T0 = 1_699_833_607_601
ROWS = [(T0 + 700 * row, 100 + row % 7, 1 + row % 3) for row in range(2000)]


def csv(names: str) -> str:
    """Trades under these names of columns."""
    return "\n".join([names, *(",".join(map(str, row)) for row in ROWS), ""])


def run(*words: object) -> str:
    """The output of a command that goes well."""
    done = CliRunner().invoke(app, list(map(str, words)))
    assert done.exit_code == 0, done.output
    return done.output


def check(path: Path) -> None:
    """Served, imported, measured and read, it has the same trades."""
    source = open_file(path)
    assert sum(len(batch.ticks[0]) for batch in source.batches(source.start)) == len(ROWS)
    assert f"{len(ROWS)} rows" in run("import", "auto", path, "--symbol", "A/B", "--out", path.parent / "out.parquet")
    title = json.loads(run("realism", path, "--json"))["title"]
    assert title.endswith(f"{len(ROWS)} trades")
    assert len(read(path).ticks) == len(ROWS)


@pytest.mark.parametrize("names", ["ts,p,v", "ts,rate,qty", "time,price,size", "Timestamp,Price,Amount"])
def test_names_of_columns(tmp_path: Path, names: str) -> None:
    """The same ones are known everywhere."""
    (tmp_path / "trades.csv").write_text(csv(names))
    check(tmp_path / "trades.csv")


def zipped(content: bytes, name: str) -> bytes:
    """A zip of one file."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, content)
    return out.getvalue()


@pytest.mark.parametrize(
    "name", ["t.csv.gz", "t.csv.bz2", "t.csv.xz", "t.zip", "nested.zip", "t.txt", "parquet.zip", "named.csv"]
)
def test_packings(tmp_path: Path, name: str) -> None:
    """By suffix, also twice; and what is inside by its first bytes, whatever it is called."""
    text = csv("time,price,size").encode()
    made = io.BytesIO()
    time, price, size = zip(*ROWS, strict=True)
    pq.write_table(pa.table({"time": time, "price": price, "size": size}), made)
    content = {
        "t.csv.gz": gzip.compress(text),
        "t.csv.bz2": bz2.compress(text),
        "t.csv.xz": lzma.compress(text),
        "t.zip": zipped(text, "trades.csv"),
        "nested.zip": zipped(gzip.compress(text), "trades.csv.gz"),
        "t.txt": text,
        "parquet.zip": zipped(made.getvalue(), "trades.parquet"),
        "named.csv": made.getvalue(),
    }[name]
    (tmp_path / name).write_bytes(content)
    check(tmp_path / name)
    assert find_scenario(str(tmp_path / name))[0].replay is not None


def test_what_is_unpacked_is_played() -> None:
    """A file that the opener unpacks is no scenario's name."""
    packed = {b"\x1f\x8b": ".gz", b"BZh": ".bz2", b"\xfd7zXZ\x00": ".xz", b"PK\x03\x04": ".zip", b"(\xb5/\xfd": ".zst"}
    assert set(UNPACKING) == set(packed)
    assert set(packed.values()) < set(RECORDINGS)


def test_files_that_nothing_reads(tmp_path: Path) -> None:
    """Are refused everywhere, with the same words."""
    feather, binary = tmp_path / "t.feather", tmp_path / "t.csv"
    pyarrow.feather.write_feather(pa.table({"time": [T0]}), feather)
    binary.write_bytes(b"\x01\x00\x02" * 100)
    for path, words in ((feather, "the file has time"), (binary, "is no text")):
        for open_ in (open_file, read):
            with pytest.raises(RecordingError, match=words):
                open_(path)
        for command in (("import", "auto", path, "--out", tmp_path / "out.parquet"), ("realism", path)):
            done = CliRunner().invoke(app, list(map(str, command)))
            assert done.exit_code == 2
            assert words in done.stderr


def test_help_is_made_from_the_tables() -> None:
    """Every format with what it reads, and every venue."""
    said = run("import", "--help")
    for format in FORMATS.values():
        assert format.name in said
        assert format.description in said
    said = " ".join(run("record", "--help").split())
    assert f"feed, {', '.join(VENUES)}" in said
    assert set(VENUES) < set(FORMATS)


def test_a_format_knows_its_own_columns(tmp_path: Path) -> None:
    """A file that has them by name is told to be of it, or of none."""
    for format in FORMATS.values():
        if format.columns and all(isinstance(column, str) for column in format.columns.values()):
            path = tmp_path / f"{format.name}.csv"
            path.write_text(",".join(["exchange", *map(str, format.columns.values())]) + "\n")
            if format.name == "ticks":
                path.write_text(",".join(map(str, format.columns.values())) + "\n")
            assert detect(path)[0] == format.name
