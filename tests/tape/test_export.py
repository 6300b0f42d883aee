"""Trades that go from a CSV into a recording, out again and in again are the same trades."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feed.data.ticks import BUY, TickBlock
from feed.importing.options import Options
from feed.importing.running import import_files
from feed.sources.files import open_recorded
from feed.tape.export import generate
from feed.tape.parquet import RecordingFile
from tests.support.sources import MetronomeSource

START = 1_700_000_000_000
TRADES = st.lists(
    st.tuples(st.integers(0, 5_000), st.integers(2, 10**9), st.integers(1, 10**9), st.booleans()),
    min_size=1,
    max_size=40,
)


def imported(path: Path, out: Path) -> TickBlock:
    """The trades of a CSV, by way of a recording."""
    import_files("auto", [path], out, options=Options(usual_symbol="BTC/USD"))
    source = open_recorded(out)
    return TickBlock.joined([batch.ticks[0] for batch in source.batches(source.start)])


@settings(deadline=None, max_examples=15)
@given(TRADES)
def test_in_and_out_and_in_again(trades: list[tuple[int, int, int, bool]]) -> None:
    """Times, prices, sizes, sides and ids, to the last digit."""
    lines, now = ["time,price,size,side,id"], START
    for number, (wait, price, size, bought) in enumerate(trades, 1):
        now += wait
        side = "buy" if bought else "sell"
        lines.append(f"{now},{price // 100}.{price % 100:02d},{size // 1000}.{size % 1000:03d},{side},{number}")
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "in.csv").write_text("\n".join(lines) + "\n")
        first = imported(folder / "in.csv", folder / "first.parquet")
        generate(open_recorded(folder / "first.parquet"), folder / "out.csv")
        again = imported(folder / "out.csv", folder / "again.parquet")
    assert len(first) == len(again) == len(trades)
    assert (first.side == [BUY if bought else -BUY for *_, bought in trades]).all()
    for column in ("time", "side", "trade_id"):
        assert (getattr(first, column) == getattr(again, column)).all(), column
    # The steps may be finer on one side: what counts is what they come to.
    assert (first.price * again.price[0] == again.price * first.price[0]).all()
    assert (first.size * again.size[0] == again.size * first.size[0]).all()


def test_a_signal_while_the_file_is_opened_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is there already, and nobody has it in hand yet."""
    opened = RecordingFile.__init__

    def opened_last(file: RecordingFile, path: Path) -> None:
        opened(file, path)
        raise SystemExit(143)

    monkeypatch.setattr(RecordingFile, "__init__", opened_last)
    (tmp_path / "t.csv").write_text("time,price,size\n1700000000000,100,1\n")
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(SystemExit):
        generate(MetronomeSource(count=50), out / "x.parquet")
    with pytest.raises(SystemExit):
        import_files("auto", [tmp_path / "t.csv"], out / "y.parquet", options=Options(usual_symbol="BTC/USD"))
    assert list(out.iterdir()) == []
