"""Writing of scenarios as files: every value in an author's spelling, and nothing that is a default."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from feed.scenario.document import ScenarioDocument
from feed.scenario.values import kind_of, written
from feed.units import format_time

__all__ = ["scenario_text", "spelled"]

TAG = "kind"
"""The key that tells events apart; it is always written."""


def scenario_text(
    scenario: ScenarioDocument, *, faults: Iterable[Mapping[str, Any]] = (), notes: Iterable[str] = ()
) -> str:
    """Return a scenario as the text of a TOML file that is read as an equal scenario.

    Args:
        scenario: the scenario; what it included is a part of it.
        faults: the entries of its `[[faults]]`.
        notes: the lines of a comment at the top.
    """
    # Only those who ask for a file need the writer.
    import tomli_w

    document = {"format": scenario.format, **spelled(scenario)}
    document["faults"] = [dict(fault) for fault in faults]
    if not document["faults"]:
        del document["faults"]
    head = "".join(f"# {line}\n" for line in notes)
    return f"{head}{tomli_w.dumps(document)}"


def spelled(model: BaseModel) -> dict[str, Any]:
    """Return the values of a model as an author writes them, without those that are defaults."""
    found: dict[str, Any] = {}
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        # Equal numbers may have different digits (65000 and 6.5E+4), and the digest of a scenario tells them apart.
        if value is None or (name != TAG and repr(value) == repr(_default(field))):
            continue
        found[field.alias or name] = _spelled(value, kind_of(field))
    return found


def _default(field: FieldInfo) -> Any:
    if field.default_factory is not None:
        return field.get_default(call_default_factory=True, validated_data={})
    return None if field.default is PydanticUndefined else field.default


def _spelled(value: Any, kind: str) -> Any:
    if isinstance(value, BaseModel):
        return spelled(value)
    if isinstance(value, tuple | list):
        return [_spelled(each, kind) for each in value]
    if isinstance(value, Decimal):
        return _decimal(value)
    if kind == "percent":
        return _percent(value)
    if kind == "time" and value % 1_000_000:
        return f"{format_time(value)[:-5]}.{value // 1_000 % 1_000_000:06d}Z"
    return written(kind, value)


def _decimal(value: Decimal) -> int | float | str:
    if value == int(value):
        return int(value)
    # A float is read by its shortest text, so that most decimals can be written as a number.
    near = float(value)
    return near if Decimal(repr(near)) == value else f"{value:f}"


def _percent(value: float) -> str:
    text = f"{(Decimal(repr(value)) * 100).normalize():f}"
    if float(text) / 100 != value:
        # The division rounds: the exact hundredfold, to as many digits as are read.
        text = f"{(Decimal(value) * 100):.24f}".rstrip("0").rstrip(".")
    return f"{text}%"
