"""An estimate of the number of tokens of a text; each model counts differently."""

from __future__ import annotations

BYTES_PER_TOKEN = 4
"""Of UTF-8; a rule of thumb for English, higher for code and other languages."""
HOW = f"estimated: bytes of UTF-8 ÷ {BYTES_PER_TOKEN}"


def estimate_tokens(text: str) -> int:
    """The estimated number of tokens, rounded up."""
    return -(-len(text.encode("utf-8", "replace")) // BYTES_PER_TOKEN)
