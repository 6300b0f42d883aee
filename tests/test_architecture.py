"""The house: imports point down only, every module has its layer, and only some may read clocks, draw or wait."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import feed

ROOT = Path(feed.__file__).parent

# From the top down. A module may import from layers below its own, and from its own package.
LAYERS: list[list[str]] = [
    ["feed.__main__"],
    ["feed.cli", "feed.testing"],
    ["feed.service", "feed.pictures"],
    ["feed.server", "feed.client", "feed.realism", "feed.exporting"],
    ["feed.dataframes"],
    ["feed.market", "feed.sources"],
    ["feed.importing", "feed.delivery"],
    ["feed.tape", "feed.dialects", "feed.engine"],
    ["feed.scenario"],
    ["feed.faults"],
    ["feed.protocol", "feed.venues"],
    ["feed.data"],
    ["feed.units", "feed.hints", "feed.web"],
    ["feed.errors", "feed.clock", "feed.log", "feed.randomness", "feed.version"],
    ["feed"],
]

RANK = {name: len(LAYERS) - index for index, layer in enumerate(LAYERS) for name in layer}

# Who may import what is otherwise nobody's business.
ONLY = {
    "asyncio": (
        *("feed.market.alarm", "feed.market.barrier", "feed.market.control", "feed.market.hosted"),
        *("feed.market.markets", "feed.market.pauses", "feed.market.player", "feed.market.rerun"),
        "feed.market.waiters",
        *("feed.server", "feed.client", "feed.service", "feed.cli"),
    ),
    "time": ("feed.clock",),
    "random": (),
    # Clients that lost their server together must not come back together.
    "secrets": ("feed.client.backoff",),
    "uuid": (),
    "websockets": ("feed.server", "feed.client"),
}

# Who may know dialects by name: where a URL chooses one, and where the native objects are what is asked for. Everybody
# else has a form that somebody gave him.
KNOW_DIALECTS = {
    "feed.dialects.registry": (
        "feed.server.addressing",
        "feed.server.contracts",
        "feed.server.query",
        "feed.server.http.history",
        "feed.market.comparison",
        "feed.server.oracle",
        "feed.market.digest",
        "feed.market.recorder",
    ),
    "feed.dialects.native.events": ("feed.client.messages", "feed.server.http.oracle"),
    "feed.dialects.native.schema": ("feed.server.contracts", "feed.server.http.web", "feed.cli.schema"),
    "feed.dialects.decimals": ("feed.server.oracle",),
}

MAX_LINES = 350

# Modules that are still to be parted, each with the lines that it may have until then.
TOO_LARGE = {"feed.engine.orders": 395, "feed.cli.realism": 355, "feed.dialects.binance.rest": 351}


@cache
def modules() -> tuple[str, ...]:
    """Every module of the package by its dotted name."""
    names = []
    for path in sorted(ROOT.rglob("*.py")):
        parts = ("feed", *path.relative_to(ROOT).with_suffix("").parts)
        names.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return tuple(names)


def layer_of(module: str) -> str:
    """The declared name that a module belongs to; the package's root belongs to itself only."""
    parts = module.split(".")
    for length in range(len(parts), 1, -1):
        if (name := ".".join(parts[:length])) in RANK:
            return name
    return module


def source_of(module: str) -> str:
    """The text of a module."""
    path = ROOT.joinpath(*module.split(".")[1:])
    return (path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text()


@cache
def tree_of(module: str) -> ast.Module:
    """The syntax tree of a module."""
    return ast.parse(source_of(module))


def imports(module: str) -> Iterator[str]:
    """Names of the modules that a module imports: at run time, late, and for type checking alike."""
    known = set(modules())
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: imports are absolute"
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield name if name in known else str(node.module)


@pytest.mark.parametrize("module", modules())
def test_module_has_a_layer(module: str) -> None:
    """A new module declares where it stands."""
    assert layer_of(module) in RANK, f"{module} has no layer: add it to LAYERS in {Path(__file__).name}"


@pytest.mark.parametrize("module", modules())
def test_imports_point_down(module: str) -> None:
    """Nothing imports from a layer above, nor from a neighbour."""
    own = layer_of(module)
    if module == "feed":
        # Its public names come from everywhere, when they are asked for: tests/test_exports.py shows that.
        return
    for imported in imports(module):
        if imported.split(".")[0] != "feed":
            continue
        other = layer_of(imported)
        assert other == own or RANK[other] < RANK[own], f"{module} must not import {imported}"


def circles() -> list[list[str]]:
    """Groups of modules that import each other, however late or only for types (strongly connected components)."""
    known = set(modules()) - {"feed"}
    edges = {module: sorted({name for name in imports(module) if name in known} - {module}) for module in known}
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(module: str) -> None:
        index[module] = low[module] = len(index)
        stack.append(module)
        for other in edges[module]:
            if other not in index:
                visit(other)
                low[module] = min(low[module], low[other])
            elif other in stack:
                low[module] = min(low[module], index[other])
        if low[module] == index[module]:
            group = []
            while True:
                group.append(stack.pop())
                if group[-1] == module:
                    break
            if len(group) > 1:
                found.append(sorted(group))

    for module in sorted(known):
        if module not in index:
            visit(module)
    return found


def test_no_circles() -> None:
    """No module imports one that imports it, not inside a package, not late, not for types."""
    assert circles() == []


def test_delivery_knows_no_dialect() -> None:
    """A form is a key of equal bytes there, and nothing else."""
    delivery = [module for module in modules() if module.startswith("feed.delivery")]
    assert [module for module in delivery if any("dialects" in name for name in imports(module))] == []


@pytest.mark.parametrize("module", modules())
def test_side_effects_have_their_place(module: str) -> None:
    """Clocks, dice and the event loop are used where they belong and nowhere else."""
    for imported in imports(module):
        allowed = ONLY.get(imported.split(".")[0])
        if allowed is not None:
            assert any(module == name or module.startswith(name + ".") for name in allowed), (
                f"{module} must not import {imported}"
            )


@pytest.mark.parametrize("module", modules())
def test_dialects_are_a_seam(module: str) -> None:
    """Outside of their room only the seam itself is known; a dialect is one name in the registry."""
    if module.startswith("feed.dialects"):
        return
    for imported in imports(module):
        if imported.startswith("feed.dialects") and imported not in ("feed.dialects.base", "feed.dialects.rest"):
            assert module in KNOW_DIALECTS.get(imported, ()), f"{module} must not import {imported}"


def test_dialects_know_no_market() -> None:
    """A dialect is given rows, events and bytes, and no more."""
    own = [module for module in modules() if module.startswith("feed.dialects")]
    known = {imported for module in own for imported in imports(module) if imported.startswith("feed.")}
    rooms = {".".join(name.split(".")[:2]) for name in known}
    ground = {"feed.units", "feed.hints", "feed.clock", "feed.errors"}
    assert rooms <= {"feed.dialects", "feed.protocol", "feed.data", *ground}


def test_only_randomness_draws() -> None:
    """numpy's generators are touched in one module."""
    others = [module for module in modules() if module != "feed.randomness"]
    assert [m for m in others if any("numpy" in name and "random" in name for name in imports(m))] == []
    assert [m for m in others if _uses_numpy_random(m)] == []


def _uses_numpy_random(module: str) -> bool:
    return any(
        isinstance(node, ast.Attribute)
        and node.attr == "random"
        and isinstance(node.value, ast.Name)
        and node.value.id in ("np", "numpy")
        for node in ast.walk(tree_of(module))
    )


def test_the_top_level_stays_small() -> None:
    """What stands beside each other at the top can be read at a glance."""
    entries = {module.split(".")[1] for module in modules() if module != "feed"}
    assert len(entries) <= 31, sorted(entries)


@pytest.mark.parametrize("module", modules())
def test_modules_stay_small(module: str) -> None:
    """A module that grows beyond this has more than one subject."""
    assert len(source_of(module).splitlines()) <= TOO_LARGE.get(module, MAX_LINES)


# Numbers that one word tells: units, sides, times without an end, a bit of the standard.
PLAIN_NUMBERS = {
    *("MICROSECOND", "MILLISECOND", "SECOND", "MINUTE", "HOUR", "DAY", "MONDAY", "KIB", "MIB"),
    *("BUY", "SELL", "NEVER", "ALWAYS", "RSV1"),
}

# Rooms of models and of exchanges, where a number has the name that it has in its field.
OF_A_FIELD = ("feed.engine", "feed.realism", "feed.dialects", "feed.venues")


@pytest.mark.parametrize("module", [name for name in modules() if not name.startswith(OF_A_FIELD)])
def test_constants_say_what_they_bound(module: str) -> None:
    """`BUSY_ABOVE = 0.5`, not `HALF`: a number's name says what it is the limit or the length of."""
    numbers = {
        target.id
        for node in tree_of(module).body
        if isinstance(node, ast.Assign) and _is_number(node.value)
        for target in node.targets
        if isinstance(target, ast.Name) and target.id.isupper() and "_" not in target.id and len(target.id) > 1
    }
    assert numbers <= PLAIN_NUMBERS


def _is_number(node: ast.expr) -> bool:
    if isinstance(node, ast.BinOp):
        return True
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool)


def test_public_classes_have_names_of_their_own() -> None:
    """Whoever reads a name knows which class it is."""
    homes: dict[str, list[str]] = {}
    for module in modules():
        for node in tree_of(module).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes.setdefault(node.name, []).append(module)
    assert {name: places for name, places in homes.items() if len(places) > 1} == {}
