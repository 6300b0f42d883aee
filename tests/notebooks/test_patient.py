"""A notebook that is read as it is run: minutes may pass between two cells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[2] / "notebooks"


def test_first_stream_waits_for_its_reader() -> None:
    """Its market is four times as fast here, so that five seconds are twenty of reading."""
    notebook: Any = nbformat.reads((FOLDER / "01-first-stream.ipynb").read_text(), as_version=4)  # type: ignore[no-untyped-call]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.source = cell.source.replace("speed=250", "speed=1000").replace("seconds=2.4", "seconds=0.6")
            if "feed.collect" in cell.source:
                cell.source = f"import time\ntime.sleep(5)\n{cell.source}"
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(FOLDER)}}).execute()
