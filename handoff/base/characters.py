"""Characters that nobody sees: one table, for values, for authors' text and for terminals.

Sources: Unicode's Default_Ignorable_Code_Point and Bidi_Control properties, UTS #51 for the
emoji sequences in which a selector or a joiner is meant, and UAX #31 for joiners in words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from handoff.base.patterns import lazy_pattern

_CONTROLS = "\x00-\x1f\x7f-\x9f\u2028\u2029"
_DIRECTIONS = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_INVISIBLE = (
    "\u00ad\u034f\u180b-\u180f\u200b-\u200d\u2060-\u2065\u206a-\u206f\ufeff"  # no width
    "\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"  # fillers
    "\ufe00-\ufe0f\U000e0100-\U000e01ef"  # variation selectors
    "\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"  # annotation, format controls
    "\U000e0000-\U000e00ff\U000e01f0-\U000e0fff"  # tags
    "\ud800-\udfff"  # half characters, which no file can hold
)
UNSAFE = lazy_pattern(f"[{_CONTROLS}{_DIRECTIONS}]")
"""What steers a terminal or turns text around."""

_PICTURE = (
    "[#*0-9\u00a9\u00ae\u203c\u2049\u2122\u2139\u2194-\u21aa\u231a-\u23ff\u24c2\u25aa-\u25fe"
    "\u2600-\u27bf\u2934\u2935\u2b05-\u2b55\u3030\u303d\u3297\u3299\U0001f000-\U0001faff](?:\ufe0f\u20e3|[\ufe0e\ufe0f]"
    "|[\U0001f3fb-\U0001f3ff])?"
)
_LETTER = "[\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff\u0900-\u0dff]"
# what is meant comes first, so that nothing in it is taken for hidden
_SEEN_OR_HIDDEN = lazy_pattern(
    f"{_PICTURE}(?:\u200d{_PICTURE})*"
    f"|{_LETTER}[\u200c\u200d](?={_LETTER})"
    f"|(?P<hidden>[{_CONTROLS}{_DIRECTIONS}{_INVISIBLE}])"
)


_PICTURES = ("\u23f8\ufe0f", "\u26a0\ufe0f", "\u27a1\ufe0f")
"""Frequent emoji with the selector that is meant: ⏸️, ⚠️, ➡️."""
_PRINTABLE = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0"
    + "".join(map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
)
"""The hidden characters that are printable to Unicode's categories."""


def hidden_characters(text: str) -> Iterator[tuple[int, str]]:
    """Each character that nobody sees, with its offset; tabs and line breaks are seen."""
    for match in _SEEN_OR_HIDDEN.finditer(text):
        if match["hidden"] and match["hidden"] not in "\t\n\r":
            yield match.start(), match["hidden"]


def has_half(text: str) -> bool:
    """Whether `text` has half of a surrogate pair, which no file can hold."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def revealed(text: str) -> str:
    """`text` as one line in which each character can be seen: `\\u200b` for what cannot."""
    plain = text
    for picture in _PICTURES:
        plain = plain.replace(picture, "")
    if plain.isprintable() and _PRINTABLE.isdisjoint(plain):  # the pattern is large
        return text
    return _SEEN_OR_HIDDEN.sub(_spelled, text)


def _spelled(match: re.Match[str]) -> str:
    hidden = match["hidden"]
    return hidden.encode("unicode_escape").decode("ascii") if hidden else match[0]
