"""The last line of a document: who owns it, and a digest that shows manual edits."""

from __future__ import annotations

import re
from hashlib import sha256

from msgspec import Struct

from handoff.base.patterns import lazy_pattern

_COMMENT = lazy_pattern(r"^<!-- handoff: (\S+) sha256:([0-9a-f]{64}) -->$", re.MULTILINE)
_SIGNATURE = lazy_pattern(r"\n<!-- handoff: (\S+) sha256:([0-9a-f]{64}) -->\n?\Z")


class SignedDocument(Struct, frozen=True):
    """A document file taken apart."""

    text: str
    """What was rendered, without the digest comment."""
    owner: str | None
    """The id in the comment; `None` where there is none."""
    intact: bool
    """Whether the digest fits the text."""


def signed(text: str, owner: str) -> str:
    """`text` as its file holds it: a blank line and the digest comment at the end."""
    return f"{text}\n<!-- handoff: {owner} sha256:{_digest(text)} -->\n"


def signature(content: bytes) -> SignedDocument:
    """The file's `content` taken apart; line ends that a checkout changed do not count."""
    whole = content.decode(errors="replace").replace("\r\n", "\n")
    found = _SIGNATURE.search(whole)
    if found is None:
        # text was added below it
        above = [*_COMMENT.finditer(whole)]
        return SignedDocument(whole, above[-1][1] if above else None, intact=False)
    text = whole[: found.start()]
    return SignedDocument(text, found[1], intact=found[2] == _digest(text))


def was_written(content: bytes, text: str) -> bool:
    """Whether the file's digest was made over `text`, even if it was edited since."""
    found = _SIGNATURE.search(content.decode(errors="replace").replace("\r\n", "\n"))
    return found is not None and found[2] == _digest(text)


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
