"""Writes the tables of the documentation anew: `uv run --group dev python -m tests.docs`."""

from __future__ import annotations

from tests.docs.tables import PAGES, filled, readme

for page in (*sorted(PAGES.glob("*.md")), readme()):
    text = page.read_text()
    page.write_text(filled(text))
