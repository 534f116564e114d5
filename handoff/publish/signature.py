"""The last line of a document: who owns it, and a digest that shows manual edits."""

from __future__ import annotations

import re
from hashlib import sha256

from msgspec import Struct

from handoff.base.patterns import lazy_pattern
from handoff.publish.markdown_content import content_digest

INDEX_OWNER, LATEST_OWNER = "index", "latest"
"""Whom the index and the pointer to the latest are signed for; a document for its session."""
MOVED = "moved:"
"""Before the owner of a stub, which links to where the owner's document is now."""

_COMMENT = lazy_pattern(
    r"^<!-- handoff: (\S+) sha256:([0-9a-f]{64})(?: content:([0-9a-f]{32}))? -->[ \t]*$",
    re.MULTILINE,
)


class SignedDocument(Struct, frozen=True):
    """A document file taken apart."""

    text: str
    """What was rendered, without the digest comment."""
    owner: str | None
    """The id in the comment; `None` where there is none."""
    intact: bool
    """Whether one of the digests fits the text."""
    formatted: bool = False
    """Whether the text differs from what was rendered, but not in its content."""


def signed(text: str, owner: str) -> str:
    """`text` as its file holds it: a blank line and the digest comment at the end."""
    digests = f"sha256:{_digest(text)} content:{content_digest(text)}"
    return f"{text}\n<!-- handoff: {owner} {digests} -->\n"


def signature(content: bytes) -> SignedDocument:
    """The file's `content` taken apart; line ends that a checkout changed do not count."""
    whole = _decoded(content)
    found = _last_comment(whole)
    if found is None:
        return SignedDocument(whole, None, intact=False)
    above, below = whole[: found.start()], whole[found.end() :]
    text = above.removesuffix("\n")
    if below.strip():  # added manually, or definitions that a formatter moved to the end
        text = f"{text}{below}"
    elif found[2] == _digest(text):
        return SignedDocument(text, found[1], intact=True)
    same = found[3] is not None and found[3] == content_digest(text)
    return SignedDocument(text, found[1], intact=same, formatted=same)


def was_written(content: bytes, text: str) -> bool:
    """Whether the file's digest was made over `text`, even if it was edited since."""
    found = _last_comment(_decoded(content))
    if found is None:
        return False
    return found[2] == _digest(text) or found[3] == content_digest(text)


def _decoded(content: bytes) -> str:
    return content.decode(errors="replace").replace("\r\n", "\n")


def _last_comment(whole: str) -> re.Match[str] | None:
    if "<!-- handoff: " not in whole:
        return None
    return next(iter([*_COMMENT.finditer(whole)][::-1]), None)


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
