"""The command line: words in, documents and one clear line out."""

from __future__ import annotations

from handoff.cli.running import main

__all__ = ["main"]
