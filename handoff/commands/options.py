"""Arguments and options that several commands share."""

from __future__ import annotations

import os
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from handoff.base.problems import UsageError, nearest

Root = Annotated[
    str | None,
    typer.Option(
        "--root", help="The repository; else the nearest folder upwards with handoff.yaml.",
        metavar="FOLDER",
    ),
]  # fmt: skip
SessionName = Annotated[
    str,
    typer.Argument(
        metavar="SESSION", help="A session's id, the path of its YAML file, or 'latest'."
    ),
]
Engine = Annotated[
    str | None,
    typer.Option("--engine", metavar="ENGINE", help="duckdb or bigquery, for this run."),
]
AsOf = Annotated[
    str | None,
    typer.Option("--as-of", metavar="TIME", help="The moment to ask for, with its zone."),
]
Parameters = Annotated[
    list[str] | None,
    typer.Option("--param", metavar="NAME=VALUE", help="A parameter; lists as JSON."),
]
AnswerFormat = Annotated[
    str, typer.Option("--format", metavar="FORMAT", help="table, json, csv or md.")
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="A setting for this run, such as bigquery.project=my-project.",
    ),
]
Overwrite = Annotated[
    bool,
    typer.Option(
        "--overwrite",
        help="Replace a document edited by hand; its text is saved beside it first.",
    ),
]


def known_format(name: str, formats: Collection[str]) -> None:
    """Raises UsageError where `name` is none of `formats`, with the nearest or all of them."""
    if name not in formats:
        known = nearest(name, formats) or f", expected {' or '.join(formats)}"
        raise UsageError(f"handoff: error: unknown format '{name}'{known}")


def folder_in_workspace(root: Path) -> str:
    """The way to `root` from where GitHub checked the repository out; empty for none."""
    workspace = os.environ.get("GITHUB_WORKSPACE")
    there = Path(workspace).resolve() if workspace else root
    is_below = root != there and root.is_relative_to(there)
    return root.relative_to(there).as_posix() if is_below else ""


def this_minute() -> datetime:
    """Now, UTC, cut to the minute as every moment is that questions are asked for."""
    return datetime.now(UTC).replace(second=0, microsecond=0)


def moment(text: str | None) -> datetime | None:
    """A time with its zone from the command line, UTC, to the minute. Raises UsageError."""
    from handoff.sql.types import BadValue, Type, value_of

    if text is None:
        return None
    try:
        value = value_of(text.replace("z", "Z"), Type("TIMESTAMP"))
    except BadValue as error:
        message = f"handoff: error: '--as-of {text}' is not a time such as 2026-01-03T16:20Z"
        raise UsageError(message) from error
    assert isinstance(value, datetime)
    return value.replace(second=0, microsecond=0)
