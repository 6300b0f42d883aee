"""Writes generated tables and types anew: `uv run --group dev python -m tests.docs`."""

from __future__ import annotations

import sys

from feed.web.assets import BUILD_HINT
from tests.docs.tables import PAGES, filled, readme
from tests.web.generated import WEB, generated

for page in (*sorted(PAGES.glob("*.md")), readme()):
    text = page.read_text()
    page.write_text(filled(text))

modules = WEB / "node_modules"
if (modules / "typescript").exists():
    for place, text in generated(modules).items():
        (WEB / place).write_text(text)
else:
    sys.stderr.write(
        f"The types of the client stay as they are: `npm ci` in feed/web installs what writes them ({BUILD_HINT}).\n"
    )
