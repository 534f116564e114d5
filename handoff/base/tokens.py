"""How many tokens a text is likely to take; an estimate, for every model counts its own."""

from __future__ import annotations

BYTES_PER_TOKEN = 4
"""Of UTF-8; the rule of thumb for English, which code and other languages exceed."""
HOW = f"estimated: bytes of UTF-8 ÷ {BYTES_PER_TOKEN}"


def estimated(text: str) -> int:
    """The estimate, rounded up."""
    return -(-len(text.encode("utf-8", "replace")) // BYTES_PER_TOKEN)
