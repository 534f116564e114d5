"""The command line: words in, documents and one clear line out."""

from __future__ import annotations

from handoff.commands.runner import main

__all__ = ["main"]
