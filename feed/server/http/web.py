"""The live page and the browser client, and what the page asks for: files, schemas, scenarios and their outlines."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from feed.errors import Problem, ScenarioError, UsageError
from feed.scenario.draft import load_draft
from feed.scenario.outline import outline_of
from feed.server.http.routes import Endpoint, Page, problem
from feed.web.assets import Asset, assets

__all__ = ["WebPages"]

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Content security policy of the live page: everything comes from this server, and nothing is written inline."""


class WebPages:
    """Endpoints of the live page.

    Args:
        front: the page for a server whose live page has not been built.
        scenario_text: returns the text of a scenario's file by its name; raises `UsageError` if there is none.
    """

    def __init__(self, front: Callable[[], Page], scenario_text: Callable[[str], str]) -> None:
        self._front = front
        self._scenario_text = scenario_text

    def by_path(self) -> dict[str, Endpoint]:
        """Return every path with its endpoint."""
        paths: dict[str, Endpoint] = {path: partial(self.file, asset) for path, asset in assets().items()}
        return {
            "/": self._front,
            # The built page, where there is one, stands in the place of the front page.
            **paths,
            "/asyncapi.json": partial(self.document, _asyncapi),
            "/schema.json": partial(self.document, _wire_schema),
            "/scenario.schema.json": partial(self.document, _scenario_schema),
            "/scenarios/<name>": self.text,
            "/check": self.check,
        }

    def file(self, asset: Asset) -> Page:
        """Return a file of the page."""
        return Page(asset.read(), asset.content_type, policy=PAGE_POLICY)

    async def document(self, make: Callable[[], dict[str, Any]]) -> Page:
        """Return a schema."""
        return Page.json(await asyncio.to_thread(make))

    def text(self, name: str) -> Page:
        """Return the file of a scenario."""
        try:
            return Page(self._scenario_text(name).encode(), "text/plain; charset=utf-8")
        except UsageError as error:
            return problem(404, "NOT_FOUND", str(error), field="scenario", hint="GET /scenarios lists them")

    async def check(self, query: Mapping[str, str]) -> Page:
        """Return the mistakes of a draft, or its outline."""
        try:
            scenario = await asyncio.to_thread(load_draft, query.get("draft", ""))
        except UsageError as error:
            return problem(400, "INVALID_REQUEST", str(error), field="draft", hint="GET /check?draft=…")
        except ScenarioError as error:
            return Page.json({"problems": [_described(each) for each in error.problems]})
        return Page.json({"problems": [], "outline": outline_of(scenario)})


# The models of the documents are imported when the first one is asked for: most servers are never asked.
def _asyncapi() -> dict[str, Any]:
    from feed.server.contracts import asyncapi_document

    return asyncapi_document()


def _wire_schema() -> dict[str, Any]:
    from feed.dialects.native.schema import wire_schema

    return wire_schema()


def _scenario_schema() -> dict[str, Any]:
    from feed.scenario.schema import scenario_schema

    return scenario_schema()


def _described(mistake: Problem) -> dict[str, Any]:
    return {"line": mistake.line, "where": mistake.where, "message": mistake.message, "hint": mistake.hint}
