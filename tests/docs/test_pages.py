"""What the pages say is so: tables come from registries, links lead somewhere, commands and scenarios are valid."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import feed
from feed.cli.app import COMMANDS, app, load_command
from feed.dialects.native.events import EVENTS, KEYS
from feed.dialects.native.requests import MODELS
from feed.market.actions.registry import ACTIONS
from feed.protocol.codes import CLOSE_CODES, ERROR_MEANINGS, ErrorCode
from feed.scenario.events import EVENT_KINDS
from feed.scenario.find import scenario_names
from feed.scenario.model import Scenario
from feed.server.http.docs import DOCS, PICTURES, sections_of, slug
from feed.server.query import COMMON
from feed.service.settings import ENV_PREFIX, ServeSettings
from tests.docs.tables import PAGES, TABLES, filled, readme
from tests.end_to_end.test_clients import EXAMPLE

ROOT = readme().parent

TEXTS = {path.name: path.read_text() for path in (readme(), *sorted(PAGES.glob("*.md")))}

MAX_README = 170
"""Lines: more than a person reads at a front door."""

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`\n]+)`")
_PATH = re.compile(r"^(?:feed|tests|notebooks|scenarios)/[\w/.-]*$")


CHANNELS = ("trading", "ticker", "candles", "book", "status")


def in_code(names: Iterable[object]) -> list[str]:
    """Names as they stand in a page."""
    return [f"`{name}`" for name in names]


REGISTRIES = {
    "cli.md": [
        *(f"### feed {name}" for name in COMMANDS),
        *in_code(f"{ENV_PREFIX}{name.upper()}" for name in ServeSettings.model_fields),
    ],
    "markets.md": in_code(ACTIONS),
    "scenarios.md": in_code([*EVENT_KINDS, *scenario_names(None), *Scenario.model_fields]),
    "wire.md": [
        *in_code(ErrorCode),
        *in_code(MODELS),
        *in_code(CHANNELS),
        *(f"| {number} |" for number in CLOSE_CODES),
        *(f"`{key}`" if f"`{key}`" in TEXTS["wire.md"] else f"`?{key}=" for key in COMMON),
    ],
}


@pytest.mark.parametrize("name", TEXTS)
def test_tables_are_as_the_registries_are(name: str) -> None:
    """Whoever adds an action, a setting or a code writes the tables anew."""
    assert filled(TEXTS[name]) == TEXTS[name], "run: uv run --group dev python -m tests.docs"


def test_every_table_stands_in_a_page() -> None:
    """None is made for nobody."""
    assert [name for name in TABLES if not any(f"<!-- table: {name} -->" in text for text in TEXTS.values())] == []


@pytest.mark.parametrize("page", REGISTRIES)
def test_all_of_a_registry_is_in_the_docs(page: str) -> None:
    """Commands, settings, actions, kinds of events, scenarios, channels, requests, URL keys and codes."""
    assert [name for name in REGISTRIES[page] if name not in TEXTS[page]] == []


def test_error_codes_have_meanings() -> None:
    """Each has one."""
    assert set(ERROR_MEANINGS) == set(ErrorCode)


def test_every_event_is_described_with_its_keys() -> None:
    """The table of events is written by hand; it has every event of the server, and every key of each."""
    missing = [
        (name, key) for name, kind in EVENTS.items() for key in KEYS[kind] if f"`{key}`" not in _row_of_event(name)
    ]
    assert missing == []
    assert len(EVENTS) > 10


def _row_of_event(name: str) -> str:
    section = TEXTS["wire.md"].partition("## Events")[2].partition("## Channels")[0]
    return next((line for line in section.splitlines() if line.startswith(f"| `{name}` |")), "")


def test_served_pages_are_the_files() -> None:
    """No file is forgotten, in the index or on the way into the wheel."""
    assert {path.name for path in PAGES.iterdir()} == {*(f"{name}.md" for name in DOCS), *PICTURES}


def anchors(name: str) -> set[str]:
    """The anchors of a file's headings."""
    plain = _FENCE.sub("", TEXTS[name])
    return {slug(found) for found in re.findall(r"^#+ +(.+?) *$", plain, re.MULTILINE)}


@pytest.mark.parametrize("name", TEXTS)
def test_links_lead_somewhere(name: str) -> None:
    """To a file that is there, and a heading that it has."""
    folder = ROOT if name == "README.md" else PAGES
    broken = []
    for target in _LINK.findall(_FENCE.sub("", TEXTS[name])):
        path, _, anchor = target.partition("#")
        if "://" in target:
            continue
        named = Path(path).name if path else name
        if (path and not (folder / path).exists()) or (anchor and anchor not in anchors(named)):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("name", TEXTS)
def test_paths_are_there(name: str) -> None:
    """A module that a page names has not moved."""
    named = [code for code in _CODE.findall(_FENCE.sub("", TEXTS[name])) if _PATH.match(code)]
    assert [path for path in named if not (ROOT / path).exists()] == []


def commands_in(text: str) -> Iterator[str]:
    """Every `feed …` that somebody may type, out of blocks for a shell and out of sentences."""
    for language, block in _FENCE.findall(text):
        if language == "sh":
            yield from (line.partition("#")[0] for line in block.splitlines())
    yield from _CODE.findall(_FENCE.sub("", text))


@pytest.mark.parametrize("name", TEXTS)
def test_commands_are_there(name: str) -> None:
    """Each command is one, and has the options that it is shown with."""
    wrong = []
    for line in commands_in(TEXTS[name]):
        found = re.match(r"(?:.*uv run (?:--\S+ \S+ )*)?feed +([a-z][\w-]*)\b(.*)", line)
        if found is None:
            continue
        command = found[1]
        if command not in COMMANDS:
            wrong.append(line)
            continue
        known = {"--help", *(option for each in _params(command, found[2]) for option in each.opts)}
        wrong += [line for option in re.findall(r"(?<!\S)--[\w-]+", found[2]) if option not in known]
    assert wrong == []


def _params(name: str, rest: str) -> list[Any]:
    """The parameters of a command, or of one in a group; a group's own has been typed without an option."""
    command = load_command(name)
    within = getattr(command, "commands", {})
    if not within:
        return list(command.params)
    chosen = rest.split()[:1]
    assert not chosen or chosen[0] in within, f"feed {name} {rest}"
    return list(within[chosen[0]].params) if chosen else []


@pytest.mark.parametrize("name", TEXTS)
def test_scenarios_on_pages_are_valid(name: str) -> None:
    """A scenario that is copied from a page passes the checks."""
    for language, block in _FENCE.findall(TEXTS[name]):
        if language == "toml":
            Scenario.model_validate(tomllib.loads(block))


def test_readme_is_a_front_door() -> None:
    """It is short, and names every page and every library."""
    text = TEXTS["README.md"]
    assert len(text.splitlines()) <= MAX_README
    assert [name for name in DOCS if f"(feed/docs/{name}.md)" not in text] == []
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    libraries = [re.split(r"[<>=\[]", each)[0] for each in project["dependencies"]]
    table = text.partition("## Libraries")[2]
    assert [each for each in libraries if not re.search(rf"^\|.*\b{each}\b.*\|.*\|$", table, re.MULTILINE)] == []


def test_the_first_client_is_the_same_everywhere() -> None:
    """The one that tests run in a browser and in Node.js, but for the bodies of its handlers."""
    blocks = {name: _FENCE.search(TEXTS[name], TEXTS[name].index("```js")) for name in ("README.md", "wire.md")}
    shown = {found[2] for found in blocks.values() if found is not None}
    assert len(shown) == 1
    ran = [line.split(" {")[0] for line in (EXAMPLE % "ws://127.0.0.1:8765").strip().splitlines()]
    assert [line.split(" {")[0] for line in shown.pop().splitlines()] == ran


def test_the_picture_is_small_and_of_itself() -> None:
    """It loads nothing from elsewhere, and shows prices."""
    picture = (PAGES / "running.svg").read_text()
    assert len(picture) < 200_000
    assert "url(http" not in picture
    assert "<script" not in picture
    assert "BTC/USD" in picture


def test_sections_of_a_page() -> None:
    """A comment in a shell's block is no heading, and every section has a name of its own on its page."""
    for name in DOCS:
        anchors_of_page = [section.anchor for section in sections_of(name)]
        assert len(anchors_of_page) == len(set(anchors_of_page)), name
    assert all(not section.heading.startswith("any") for section in sections_of("wire"))


def test_the_help_of_feed_itself() -> None:
    """It lists what the page lists."""
    told = CliRunner().invoke(app, ["--help"]).stdout
    assert [name for name in COMMANDS if name not in told] == []
    assert Path(feed.__file__).parent / "docs" == PAGES
