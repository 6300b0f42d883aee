"""The house: imports point down only, every module has its layer, and only some may read clocks, draw or wait."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import feed

ROOT = Path(feed.__file__).parent

# From the top down. A module may import from layers below its own, and from its own package.
LAYERS: list[list[str]] = [
    ["feed.__main__"],
    ["feed.cli"],
    ["feed.service", "feed.pictures"],
    ["feed.server", "feed.logs", "feed.client", "feed.watch", "feed.preview", "feed.background", "feed.tickfiles"],
    ["feed.recordings"],
    ["feed.analysis"],
    ["feed.digest", "feed.dataframes"],
    ["feed.market"],
    ["feed.hub"],
    ["feed.fanout"],
    ["feed.outbox", "feed.dialects"],
    ["feed.protocol", "feed.sources", "feed.realism"],
    ["feed.replaying"],
    ["feed.importing"],
    ["feed.tickwriter"],
    ["feed.engine", "feed.recording", "feed.venues"],
    ["feed.settings"],
    ["feed.scenario"],
    ["feed.bars", "feed.depth"],
    ["feed.ticks", "feed.clock", "feed.randomness"],
    ["feed.books", "feed.recorded"],
    ["feed.units"],
    ["feed.errors"],
    ["feed"],
]

RANK = {name: len(LAYERS) - index for index, layer in enumerate(LAYERS) for name in layer}

# Who may import what is otherwise nobody's business.
ONLY = {
    "asyncio": ("feed.market.pacing", "feed.server", "feed.client", "feed.watch", "feed.service", "feed.cli"),
    "time": ("feed.clock",),
    "random": (),
    # Clients that lost their server together must not come back together.
    "secrets": ("feed.client.backoff",),
    "uuid": (),
    "websockets": ("feed.server", "feed.client"),
}


def modules() -> list[str]:
    """Every module of the package by its dotted name."""
    names = []
    for path in sorted(ROOT.rglob("*.py")):
        parts = ("feed", *path.relative_to(ROOT).with_suffix("").parts)
        names.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return names


def layer_of(module: str) -> str:
    """The declared name that a module belongs to; the package's root belongs to itself only."""
    parts = module.split(".")
    for length in range(len(parts), 1, -1):
        if (name := ".".join(parts[:length])) in RANK:
            return name
    return module


def imports(module: str) -> Iterator[tuple[str, bool]]:
    """What a module imports, and whether only for type checking."""
    path = ROOT.joinpath(*module.split(".")[1:])
    source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, False
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: imports are absolute"
            if node.module:
                yield node.module, False


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
    for imported, _ in imports(module):
        if imported.split(".")[0] != "feed":
            continue
        other = layer_of(imported)
        assert other == own or RANK[other] < RANK[own], f"{module} must not import {imported}"


@pytest.mark.parametrize("module", modules())
def test_side_effects_have_their_place(module: str) -> None:
    """Clocks, dice and the event loop are used where they belong and nowhere else."""
    for imported, _ in imports(module):
        allowed = ONLY.get(imported.split(".")[0])
        if allowed is not None:
            assert any(module == name or module.startswith(name + ".") for name in allowed), (
                f"{module} must not import {imported}"
            )


def test_only_randomness_draws() -> None:
    """numpy's generators are touched in one module."""
    users = [
        module
        for module in modules()
        if module != "feed.randomness" and any("random" in name for name, _ in imports(module) if "numpy" in name)
    ]
    sources = [m for m in modules() if m != "feed.randomness" and _uses_numpy_random(m)]
    assert users == []
    assert sources == []


def _uses_numpy_random(module: str) -> bool:
    path = ROOT.joinpath(*module.split(".")[1:])
    source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return any(
        isinstance(node, ast.Attribute)
        and node.attr == "random"
        and isinstance(node.value, ast.Name)
        and node.value.id in ("np", "numpy")
        for node in ast.walk(ast.parse(source.read_text()))
    )
