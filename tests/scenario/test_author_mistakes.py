"""What authors of scenarios write by mistake, and what `feed check` tells them: file, line, and the right thing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from feed.cli.app import app

HEAD = 'name = "x"\n'
PHASE = '[[phases]]\nname = "a"\nfor = "5m"\n'
SYMBOL = '[[symbols]]\nsymbol = "BTC/USD"\n'
TICK = '[[ticks]]\nat = "{}"\nprice = {}\nsize = 1\n'


def event(kind: str, at: str = "1m") -> str:
    """An event that begins in line 2 of a file."""
    return f'[[events]]\nkind = "{kind}"\nat = "{at}"\n'


# What is written below the name, the line of the mistake, and what is said of it.
MISTAKES: list[tuple[str, int, str]] = [
    ('seed = "7"', 2, "seed: must be a whole number (got '7'"),
    ("seed = -1", 2, "must be at least 0 (got -1"),
    ("seed = 1.5", 2, "must be a whole number"),
    ('format = "1"', 2, "must be 1 (got '1'; without quotes)"),
    ('start = "yesterday"', 2, "write it like 2025-01-06T14:30:00Z"),
    ("start = 1736121600", 2, "write it like 2025-01-06T14:30:00Z"),
    ('start = "2300-01-01"', 2, "from 1970-01-01 to 2200-01-01"),
    ('duration = "30 minutes"', 2, "write it like 90s, 1h30m"),
    ('duration = "forever"', 2, "or endless"),
    ("duration = 0", 2, "from 1s"),
    ('[phases]\nname = "a"', 2, "write [[phases]] in double brackets for each"),
    ("[[market]]\norders_per_second = 3", 2, "write [market] in single brackets, once"),
    ("market = 3", 2, "is not a table of keys"),
    ('symbol = "BTC/USD"', 2, "did you mean symbols?"),
    ('symbols = ["BTC/USD"]', 2, "is not a table of keys"),
    (SYMBOL.replace("BTC/USD", "BTC USD"), 3, "must be letters, digits, dots, dashes and one slash at most"),
    (SYMBOL + SYMBOL, 5, "BTC/USD is there twice"),
    (SYMBOL + "tick_size = 0", 4, "is not a positive number"),
    (SYMBOL + "start_price = 65000.005", 4, "symbols[0].start_price: is not a whole number of tick_size"),
    (SYMBOL + "lot_size = 1", 2, "order_size: is smaller than lot_size"),
    (SYMBOL + "price = 65000", 4, "did you mean start_price?"),
    (SYMBOL + "daily_volatility = 0.02", 4, "write it in quotes and with its sign"),
    (SYMBOL + 'daily_volatility = "200%"', 4, "must be at most 100% (got '200%'"),
    (SYMBOL + "orders_per_second = 5000", 4, "must be at most 2000 (got 5000"),
    (PHASE.replace("for", "duration"), 4, "phases[0].duration: unknown key (did you mean for?)"),
    (PHASE.replace("for", "length"), 4, "did you mean for?"),
    (PHASE + "drift = 3", 5, "write it in quotes and with its sign"),
    (PHASE + 'drift = "-100%"', 5, "must be at least -99% (got '-100%'"),
    (PHASE + 'volatility = "high"', 5, "must be a number, without quotes or units"),
    (PHASE + "volatility = 1000", 5, "must be at most 100 (got 1000"),
    (PHASE + 'status = "halt"', 5, "did you mean halted?"),
    (PHASE + 'reversion = "0s"', 5, "must be at least 1s (got '0s'"),
    (PHASE + "activty = 3", 5, "did you mean activity?"),
    ('[[phases]]\nfor = "5m"', 2, "phases[0].name: is missing"),
    ('[[phases]]\nname = "a"\n' + PHASE, 2, "only the last phase may leave it out"),
    (PHASE + PHASE + 'at = "1m"', 8, "is before the end of the phase before it"),
    ('[[events]]\nat = "1m"', 2, "events[0].kind: is missing"),
    ('[[events]]\nkind = "jump"', 2, "events[0].at: is missing"),
    (event("crash"), 3, "'crash' is no kind of event (did you mean flash-crash?)"),
    (event("status"), 2, "events[0].status: is missing"),
    (event("jump") + 'symbols = "BTC/USD"', 5, "write it in brackets, symbols = [...]"),
    (event("jump") + 'symbols = ["BTC/EUR"]', 5, "did you mean BTC/USD?"),
    (event("flash-crash") + 'size = "8%"', 5, "must be below 0% (got '8%'"),
    (event("flash-crash") + 'fall = "100ms"', 5, "must be at least 1s (got '100ms'"),
    (event("flash-crash") + 'duration = "3m"', 5, "did you mean fall?"),
    (event("burst") + 'factor = "10x"', 5, "must be a number, without quotes or units"),
    (event("halt") + 'auction = "2d"', 5, "must be at most 1d (got '2d'"),
    (event("target") + 'price = "70k"', 5, "is not a positive number"),
    (event("target") + "price = 70000.005", 5, "the nearest is 70000.01"),
    (SYMBOL + "tick_size = 10\n" + event("target") + "price = 65005", 8, "steps of tick_size of BTC/USD, 10"),
    (
        event("target") + "price = 70000\n" + event("target", "5m") + "price = 60000",
        6,
        "leads to 60000 while events[0]",
    ),
    (event("status") + 'status = "online"\n' + event("halt"), 6, "at the same time as events[0] makes it online"),
    ('duration = "30m"\n' + event("jump", "40m"), 5, "00:40:00 is behind the scenario's end, 00:30:00"),
    ('duration = "4m"\n' + PHASE + PHASE, 6, "begins at 00:05:00, which is behind the scenario's end"),
    ('duration = "30m"\n' + TICK.format("30m", 65000), 4, "is behind the scenario's end"),
    ('duration = "9m"\nrepeat = 3\n' + PHASE, 3, "the last turn would begin at 00:10:00"),
    (TICK.format("1m", 65000) + event("halt", "30s"), 3, "BTC/USD is halted at 00:01:00: nothing is traded then"),
    (TICK.format("1m", 65000) + PHASE + 'status = "maintenance"', 3, "BTC/USD is maintenance at 00:01:00"),
    ("repeat = 2\n" + TICK.format("6m", 65000) + PHASE + event("halt", "30s"), 4, "BTC/USD is halted at 00:06:00"),
    (TICK.format("1m", 65000.001), 4, "is not whole steps of tick_size, 0.01 (the nearest is 65000.00)"),
    (TICK.format("1m", 65000) + 'side = "bid"', 6, "must be one of buy, sell"),
    (TICK.format("1m", 65000) + 'symbol = "ETH/USD"', 6, "there is no symbol ETH/USD"),
    ("repeat = 3", 2, "there is nothing to repeat"),
    ('include = "base.toml"', 2, "write it in brackets, include = [...]"),
    ('include = ["none.toml"]', 2, "No such file"),
    ('[source]\nfile = "none.csv"', 3, "source.file: there is no file"),
    ('[source]\npath = "a.csv"', 3, "did you mean file?"),
    ('[replay]\nfiles = "a.parquet"', 3, "write it in brackets, files = [...]"),
    ("speed = 3", 2, "an option of feed serve: --speed"),
    ("seed: 7", 2, "TOML has = between key and value"),
    ("seed = True", 2, "TOML writes true and false"),
    ("for = 5m", 2, "stand in quotes"),
    ("start_price = 65,000", 2, "numbers have a point and no commas"),
    ("[market]\ncorrelation = 2", 3, "must be at most 1 (got 2"),
]


def check(*arguments: str) -> tuple[int, str]:
    """The exit code and all that is said."""
    done = CliRunner().invoke(app, ["check", *arguments])
    return done.exit_code, done.output


@pytest.mark.parametrize(("text", "line", "says"), MISTAKES)
def test_a_mistake_has_its_line(tmp_path: Path, text: str, line: int, says: str) -> None:
    """The file and the line where it is, in words of the format, and nothing of what it is checked with."""
    file = tmp_path / "my.toml"
    file.write_text(HEAD + text + "\n")
    code, output = check(str(file))
    assert code == 2
    found = [told for told in output.splitlines() if told.startswith(f"{file}:{line}: ") and says in told]
    assert found, output
    for word in ("tuple", "dictionary", "Input", "validation", "pattern '", "000000000"):
        assert word not in output


def test_a_name_is_told_in_words(tmp_path: Path) -> None:
    """Nobody should have to read a regular expression."""
    file = tmp_path / "my.toml"
    file.write_text('name = "My Market"')
    assert "my.toml:1: name: must be lower case letters, digits and dashes" in check(str(file))[1]


@pytest.mark.parametrize(
    ("text", "note"),
    [
        (TICK.format("1m", 650000), "4: note: ticks[0].price: 650000 is 10 times above"),
        (TICK.format("1m", 6500), "4: note: ticks[0].price: 6500 is 10 times below"),
        ('duration = "30m"\n' + event("flash-crash", "29m"), "3: note: events[0]: is cut off at the scenario's end"),
    ],
)
def test_doubts_are_told(tmp_path: Path, text: str, note: str) -> None:
    """What somebody may want, but most likely did not mean."""
    file = tmp_path / "my.toml"
    file.write_text(HEAD + text)
    code, output = check(str(file))
    assert code == 0
    assert f"{file}:{note}" in output


@pytest.mark.parametrize(
    "text",
    [
        TICK.format("20m", 65000) + event("halt", "30s"),
        TICK.format("11m", 65000) + event("halt", "30s"),
        TICK.format("7m", 65000) + PHASE + 'status = "halted"',
        event("target") + "price = 70000\n" + event("target", "11m") + "price = 60000",
        event("target") + "price = 70000\n" + event("target") + "price = 70000",
        SYMBOL
        + SYMBOL.replace("BTC", "ETH")
        + event("target") + 'symbols = ["BTC/USD"]\nprice = 7e4\n'
        + event("target") + 'symbols = ["ETH/USD"]\nprice = 6e4\n',
    ],
)  # fmt: skip
def test_what_goes_together_is_fine(tmp_path: Path, text: str) -> None:
    """A trade behind the halt or in its auction, one target after the other, two symbols."""
    file = tmp_path / "my.toml"
    file.write_text(HEAD + text)
    assert check(str(file))[0] == 0


def test_lines_of_included_files(tmp_path: Path) -> None:
    """A mistake is named where it stands, also in a file that another one takes."""
    (tmp_path / "base.toml").write_text("# shared\n" + PHASE + "drift = 3\n")
    own = tmp_path / "own.toml"
    own.write_text(HEAD + 'include = ["base.toml"]\n' + PHASE + "spread = 0\n")
    _, output = check(str(own))
    assert f"{tmp_path / 'base.toml'}:5: phases[0].drift: " in output
    assert f"{own}:6: phases[1].spread: " in output


def test_lines_of_json(tmp_path: Path) -> None:
    """As of TOML."""
    file = tmp_path / "my.json"
    file.write_text(json.dumps({"name": "x", "phases": [{"name": "a", "drift": 3}], "sead": 7}, indent=1))
    _, output = check(str(file))
    assert f"{file}:6: phases[0].drift: " in output
    assert f"{file}:9: sead: unknown key (did you mean seed?)" in output


def test_lines_behind_everything_that_toml_has(tmp_path: Path) -> None:
    """Strings over lines, comments, dotted and quoted keys, tables in lines and below each other."""
    file = tmp_path / "my.toml"
    file.write_text(
        HEAD
        + 'description = """\nseed = "not here" # nor here\n[[phases]]\n"""\n'
        + "start = 2025-01-06 14:00:00 # a space\n"
        + 'market.correlation = 0.5\n"market".daily_volatility = "x"\n'
        + "phases = [ # in a list\n  {name = 'a', for = '1m'},\n  {name = \"b]}\", for = '1m', drift = 3},\n]\n"
        + SYMBOL
        + "  [[events]] # indented\n  kind = 'jump'\n  at = 0\n\n  size = 3\n"
    )
    _, output = check(str(file))
    lines = {told.removeprefix(f"{file}:").split(": ")[1]: int(told.removeprefix(f"{file}:").split(":")[0])
             for told in output.splitlines()}  # fmt: skip
    assert lines == {"market.daily_volatility": 8, "phases[1].drift": 11, "events[0].size": 19}


def test_what_is_no_scenario_file(tmp_path: Path) -> None:
    """YAML is told from a name that does not exist, and a name of a bundled scenario is as good as a file."""
    file = tmp_path / "my.yaml"
    file.write_text("name: x\n")
    assert "a scenario is TOML or JSON, and this is YAML" in check(str(file))[1]
    assert "there is no such file" in check("none.yaml")[1]
    assert check("halt")[0] == 0
    assert "did you mean halt?" in check("hlat")[1]
