"""`feed schema`: print the contracts of the wire for other tools."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated

import typer

from feed.cli.app import COMMANDS
from feed.errors import UsageError

__all__ = ["app"]

EPILOG = """\b
Examples:
  feed schema > feed.schema.json              every message of the socket, as JSON Schema
  feed schema --format asyncapi               the socket, as AsyncAPI 3.1
  feed schema --format typescript > feed.d.ts types of the messages and of the client
  feed schema --format scenario               the format of scenario files, for an editor
"""


class SchemaFormat(StrEnum):
    """Formats that the contracts are printed in."""

    JSON = "json"
    ASYNCAPI = "asyncapi"
    OPENAPI = "openapi"
    TYPESCRIPT = "typescript"
    SCENARIO = "scenario"


app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command("schema", help=COMMANDS["schema"], epilog=EPILOG)
def schema_command(
    format_: Annotated[
        SchemaFormat,
        typer.Option("--format", help="json, asyncapi, openapi, typescript, or scenario.", show_choices=False),
    ] = SchemaFormat.JSON,
) -> None:
    """Print a document."""
    typer.echo(_text(format_), nl=False)


def _text(wanted: SchemaFormat) -> str:
    if wanted is SchemaFormat.TYPESCRIPT:
        from feed.web.assets import BUILD_HINT, assets

        types = assets().get("/feed.d.ts")
        if types is None:
            raise UsageError(f"the page and its types are not built: {BUILD_HINT}")
        return types.read().decode()
    return json.dumps(_document(wanted), indent=2, ensure_ascii=False) + "\n"


def _document(wanted: SchemaFormat) -> object:
    if wanted is SchemaFormat.SCENARIO:
        from feed.scenario.schema import scenario_schema

        return scenario_schema()
    if wanted is SchemaFormat.JSON:
        from feed.dialects.native.schema import wire_schema

        return wire_schema()
    from feed.server.contracts import asyncapi_document
    from feed.service.serving import http_contract

    return asyncapi_document() if wanted is SchemaFormat.ASYNCAPI else http_contract()
