"""JSON records as typed structs."""

from __future__ import annotations

from typing import TypeVar

import msgspec

T = TypeVar("T")


def convert_record(value: object, type_: type[T]) -> T:
    """`value`, as JSON has it, as a `type_`. Raises ValueError, with the path of the error."""
    try:
        return msgspec.convert(value, type_)
    except msgspec.ValidationError as error:
        message = str(error).replace("`", "'").replace("'$.", "'")
        raise ValueError(message[:1].lower() + message[1:]) from error
