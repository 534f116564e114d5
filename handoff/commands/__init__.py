"""The command line: each command parses its options, does its work and prints the result."""

from __future__ import annotations

from handoff.commands.runner import main

__all__ = ["main"]
