"""Write what is generated in the documentation: all tables, and cli.md (`make docs`)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tables

from handoff.check import update_table
from handoff.commands.registry import COMMANDS, load_command

FOLDER = Path(__file__).parent
CLI = FOLDER / "cli.md"
CHECKS = FOLDER / "checks.md"
_BRACES = str.maketrans("", "", "{}")
"""Around the arguments that are required, in click's usage line."""
_HEAD = """\
# Commands

<!-- made by docs/generate.py from the help texts -->

`SESSION` is an ID, the path of a session file, or `latest`.

Exit codes: 0 success · 1 problems in your files · 2 usage or settings · 3 warehouse, network
or disk · 4 a bug in handoff · 130 interrupted.
"""


def cli_page() -> str:
    """The reference of every command, its arguments and options."""
    lines = [_HEAD]
    for name in COMMANDS:
        lines += _command(f"handoff {name}", load_command(name), level=2)
    return "\n".join(lines)


def _command(name: str, command: Any, *, level: int) -> Iterator[str]:
    """The section of a command, and of each command below it."""
    yield f"{'#' * level} `{name}`\n"
    yield f"{_text(command.help or '')}\n"
    members = getattr(command, "commands", {})
    if not members:
        context = command.make_context(name, [], resilient_parsing=True)
        usage = " ".join([name, *command.collect_usage_pieces(context)]).translate(_BRACES)
        yield f"```text\n{usage}\n```\n"
        records = [each.get_help_record(context) for each in command.params]
        rows = [each for each in records if each and not each[0].startswith("--help")]
        if rows:
            head = ["| argument or option | description |", "| --- | --- |"]
            body = [f"| `{_cell(use)}` | {_text(_cell(text))} |" for use, text in rows]
            yield "\n".join([*head, *body, ""])
    for each, member in members.items():
        yield from _command(f"{name} {each}", member, level=level + 1)


def _text(words: str) -> str:
    """Help as Markdown: what would be a tag is text."""
    return words.replace("<", "&lt;").strip()


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


if __name__ == "__main__":
    for page in tables.TABLES:
        (FOLDER / page).write_text(tables.with_tables(page), "utf-8")
    CHECKS.write_text(update_table(CHECKS.read_text("utf-8")), "utf-8")
    CLI.write_text(cli_page(), "utf-8")
