"""Filters of templates that are told what they take, before they fail inside."""

from __future__ import annotations

import functools
import inspect
import types
import typing
from collections.abc import Callable, Sequence
from typing import Any

from jinja2 import StrictUndefined
from jinja2.exceptions import FilterArgumentError

LEVELS = range(7)
"""Of headings in Markdown; 0 where there is none above."""


def checked(name: str, apply: Callable[..., Any]) -> Callable[..., Any]:
    """`apply` as a filter that refuses what its annotations do not take.

    Its author is whoever wrote the template, so what they gave it is told as theirs.
    """

    @functools.wraps(apply)
    def filtered(*given: object, **named: object) -> Any:
        wanted, hints = _signature(getattr(apply, "__func__", apply))
        owner = (getattr(apply, "__self__", None),) if inspect.ismethod(apply) else ()
        try:
            arguments = wanted.bind(*owner, *given, **named).arguments
        except TypeError as error:
            raise FilterArgumentError(f"filter '{name}': {error}") from error
        for key, value in arguments.items():
            if key in hints:
                _check(name, key, value, hints[key])
        return apply(*given, **named)

    return filtered


@functools.cache
def _signature(
    function: Callable[..., Any],
) -> tuple[inspect.Signature, dict[str, object]]:
    hints = typing.get_type_hints(function)
    hints.pop("return", None)
    return inspect.signature(function), hints


def _check(name: str, key: str, value: object, hint: object) -> None:
    if isinstance(value, StrictUndefined):
        str(value)  # raises, with the name
    if not _fits(value, hint):
        kind = "nothing" if value is None else f"such a '{type(value).__name__}'"
        raise FilterArgumentError(f"filter '{name}' does not take {kind} as its '{key}'")
    if key == "level" and value not in LEVELS:
        message = f"filter '{name}' takes a level from 0 to {LEVELS[-1]}, found {value}"
        raise FilterArgumentError(message)


def _fits(value: object, hint: object) -> bool:
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        return any(_fits(value, each) for each in typing.get_args(hint))
    if typing.get_origin(hint) in (Sequence, tuple):
        inner = typing.get_args(hint)[0]
        return isinstance(value, list | tuple) and all(_fits(each, inner) for each in value)
    return isinstance(value, hint) if isinstance(hint, type) else True
