"""Files of the built page and client, by the path at which they are served."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

__all__ = ["BUILD_HINT", "Asset", "assets", "is_built"]

BUILD_HINT = "npm ci && node build.mjs in feed/web builds it"

TYPES = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
    "ts": "text/plain; charset=utf-8",
    "txt": "text/plain; charset=utf-8",
}
"""Content types by the ending of a name."""

AT_ROOT = ("feed.js", "feed.d.ts")
"""Files that are served at the root, where clients look for them; the others are under `/assets`."""


@dataclass(frozen=True, slots=True)
class Asset:
    """File of the page, read when it is asked for: a new build shows at once."""

    file: Traversable
    content_type: str

    def read(self) -> bytes:
        """Return the content."""
        return self.file.read_bytes()


def _folder() -> Traversable:
    return files("feed.web") / "dist"


def is_built() -> bool:
    """Return whether the page has been built."""
    return (_folder() / "index.html").is_file()


@cache
def assets() -> dict[str, Asset]:
    """Return every file of the page by its path; none if it has not been built. `/` is the page itself."""
    if not is_built():
        return {}
    found = {}
    for file in sorted(_folder().iterdir(), key=lambda each: each.name):
        path = f"/{file.name}" if file.name in AT_ROOT else f"/assets/{file.name}"
        found["/" if file.name == "index.html" else path] = Asset(file, TYPES[file.name.rsplit(".", 1)[1]])
    return found
