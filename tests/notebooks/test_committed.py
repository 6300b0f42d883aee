"""Notebooks are stored without what running them leaves, and with what a reader needs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def cells(path: Path, kind: str) -> list[Any]:
    """The cells of a kind."""
    return [cell for cell in cells_of(path) if cell.cell_type == kind]


def cells_of(path: Path) -> list[Any]:
    """All cells, of a notebook that is whole."""
    notebook: Any = nbformat.reads(path.read_text(), as_version=4)  # type: ignore[no-untyped-call]
    nbformat.validate(notebook)
    return list(notebook.cells)


def cells_above(whole: list[Any], cell: Any) -> str:
    """The text of the two cells before this one."""
    place = whole.index(cell)
    return "\n".join(each.source for each in whole[max(0, place - 2) : place] if each.cell_type == "markdown")


def test_there_are_some() -> None:
    """Five stories."""
    assert [path.name[:2] for path in NOTEBOOKS] == ["01", "02", "03", "04", "05"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_outputs_are_stored(path: Path) -> None:
    """A picture in the repository is out of date with the next change."""
    for cell in cells(path, "code"):
        assert cell.outputs == []
        assert cell.execution_count is None


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_picture_has_units_and_a_sentence(path: Path) -> None:
    """Each axis says what it is in which unit, and the text before the picture says what to look for."""
    whole = cells_of(path)
    pictures = 0
    for cell in whole:
        if cell.cell_type != "code" or "plt.show()" not in cell.source:
            continue
        pictures += 1
        labels = re.findall(r'[xy]label="([^"]*)"', cell.source)
        assert labels, cell.source
        # Functions that only the picture needs may stand between it and its text.
        assert "**What to see:**" in cells_above(whole, cell)
        for label in labels:
            plain = ("seq of the tick", "autocorrelation", "share of returns", "trades a second", "place in the band")
            assert "(" in label or label.startswith(plain), label
    assert pictures >= 1


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_each_shows_something_that_can_fail(path: Path) -> None:
    """Running a notebook is a test, too: it checks what it claims."""
    assert any(re.search(r"^\s*assert ", cell.source, re.M) for cell in cells(path, "code"))
