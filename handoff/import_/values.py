"""What a session file is written from: text, booleans, lists and mappings, in order."""

from __future__ import annotations

import re

from handoff.session.content import RESERVED

Value = str | bool | int | list["Value"] | dict[str, "Value"]


class LiteralName(str):
    """Text that is a name or a heading, never a blank or content."""

    __slots__ = ()


class NotExpressible(Exception):
    """What the content algebra has no words for."""


def live_text(text: str) -> str:
    """`text` written so that no braces in it cite a fact."""
    return text.replace("{{", "\\{{")


def is_label(text: str) -> bool:
    """Whether `text` may stand before a colon in YAML and mean the label."""
    return (
        bool(text.strip()) and len(text) <= _LONGEST and "\n" not in text and text not in _TAKEN
    )


_LONGEST = 200
_TAKEN = frozenset((*RESERVED, *(key for keys in RESERVED.values() for key in keys), "<<"))


def number(label: str) -> Value:
    """A session's number, else the words it is called by."""
    return int(label) if re.fullmatch(r"0|[1-9]\d{0,8}", label) else LiteralName(label)
