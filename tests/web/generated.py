"""TypeScript that is generated from the server's models and kept beside the client."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from importlib.resources import files
from pathlib import Path

from feed.dialects.native.schema import wire_schema

__all__ = ["generated"]

WEB = Path(str(files("feed.web")))

PLACES = {"messages.ts": "client/src/messages.ts", "feed.d.ts": "client/feed.d.ts"}
"""Where each generated file is kept, below `feed/web`."""


def generated(modules: Path) -> dict[str, str]:
    """Return the generated files by their places, made with the npm packages in a folder."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        shutil.copytree(WEB / "client", folder / "client")
        for name in ("tsconfig.json", "generate.mjs"):
            shutil.copy(WEB / name, folder)
        (folder / "node_modules").symlink_to(modules)
        (folder / "page").mkdir()
        (folder / "made").mkdir()
        schema = json.dumps(wire_schema())
        subprocess.run(["node", "generate.mjs", "made"], cwd=folder, input=schema, text=True, check=True)
        return {PLACES[name]: (folder / "made" / name).read_text() for name in PLACES}
