"""Editing of messages: JSON in and out, every number kept in its own spelling."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, ClassVar

import orjson
from pydantic import Field

from feed.faults.fault import Fault, FaultGroup, Strike
from feed.faults.link import Delivery, Parcel
from feed.protocol.shape import MessageShape, Slot, slots_in

__all__ = ["EditFault", "FieldFault", "chosen_field", "read_document", "write_document"]

_decoder = json.JSONDecoder(parse_float=Decimal)


def read_document(payload: bytes) -> Any:
    """Return a payload as a document, or None if it is no JSON."""
    try:
        return _decoder.decode(payload.decode())
    except (ValueError, RecursionError):
        return None


def write_document(document: Any) -> bytes:
    """Return a document as a payload."""
    return orjson.dumps(document, default=_write_decimal)


def _write_decimal(value: object) -> orjson.Fragment:
    assert isinstance(value, Decimal)
    return orjson.Fragment(f"{value:f}" if abs(value.adjusted()) < 40 else f"{value:E}".replace("E+", "e"))


class EditFault(Fault):
    """Fault that changes the content of a message. A message that has nothing to change goes on as it is."""

    group: ClassVar[FaultGroup] = "content"

    @abstractmethod
    def edit(self, document: Any, strike: Strike) -> Any:
        """Return the changed document, or None if there is nothing to change in it."""

    def strike(self, parcel: Parcel, strike: Strike) -> Sequence[Delivery]:
        """Return the parcel with its content changed."""
        document = read_document(strike.framing.payload(parcel.data))
        changed = None if document is None else self.edit(document, strike)
        if changed is None:
            return strike.pass_on(parcel)
        return strike.pass_on(parcel._replace(data=strike.framing.text(write_document(changed))))


class FieldFault(EditFault):
    """Fault of one field of a message: the one that is named, else one chosen by chance among prices and sizes."""

    field: str | None = Field(None, max_length=64, description="name of the field; where missing, one by chance")

    @abstractmethod
    def change(self, slot: Slot, strike: Strike) -> None:
        """Change the field."""

    def edit(self, document: Any, strike: Strike) -> Any:
        """Return the document with its field changed."""
        slot = chosen_field(document, self.field, strike)
        if slot is None:
            return None
        self.change(slot, strike)
        return document


def chosen_field(document: Any, name: str | None, strike: Strike) -> Slot | None:
    """Return the field of a name, or one by chance: a price or size if there is one."""
    shape: MessageShape = strike.shape
    if name is not None:
        return shape.named(document, name)
    slots = shape.measures(document) or [slot for slot in slots_in(document) if not isinstance(slot.value, dict | list)]
    return slots[int(strike.draw("field") * len(slots))] if slots else None
