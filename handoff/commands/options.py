"""Arguments and options that several commands share."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, datetime
from typing import Annotated, Any

import typer

from handoff.base.problems import UsageError, nearest


def completer(values: str) -> Any:
    """The completer of that name; its module is imported when a shell asks for values."""

    def complete(ctx: typer.Context, incomplete: str) -> Any:
        from handoff.commands import completers

        return getattr(completers, values)(ctx, incomplete)

    return complete


Root = Annotated[
    str | None,
    typer.Option(
        "--root",
        help="Root folder of the project (default: the nearest one upwards with handoff.yaml).",
        metavar="FOLDER",
    ),
]
SESSION_HELP = "A session ID, the path of its YAML file, or 'latest'."
SessionName = Annotated[
    str,
    typer.Argument(
        metavar="SESSION", help=SESSION_HELP, autocompletion=completer("session_ids")
    ),
]
LatestSession = Annotated[
    str,
    typer.Argument(
        metavar="[SESSION]", help=SESSION_HELP, autocompletion=completer("session_ids")
    ),
]
EngineOption = Annotated[
    str | None,
    typer.Option(
        "--engine",
        metavar="ENGINE",
        help="Run queries on duckdb or bigquery (default: 'engine' in handoff.yaml).",
        autocompletion=completer("engines"),
    ),
]
AsOf = Annotated[
    str | None,
    typer.Option(
        "--as-of",
        metavar="TIME",
        help="Query data as of this time, with time zone (default: the session's, or now).",
    ),
]
Verbose = Annotated[
    bool,
    typer.Option("--verbose", "-v", help="Print each job and where to see it (BigQuery)."),
]
Frozen = Annotated[
    bool, typer.Option("--frozen", help="Run no queries; use recorded facts only.")
]
Parameters = Annotated[
    list[str] | None,
    typer.Option(
        "--param", metavar="NAME=VALUE", help="Set a query parameter; write lists as JSON."
    ),
]
SettingsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Override a setting for this run, for example bigquery.project=my-project.",
    ),
]
Overwrite = Annotated[
    bool,
    typer.Option(
        "--overwrite",
        help="Replace a manually edited document; the old text is saved next to it.",
    ),
]


def format_option(*formats: str) -> Any:
    """`--format` that takes one of `formats`; anything else is a UsageError."""

    def check(name: str) -> str:
        if name not in formats:
            known = nearest(name, formats) or f", expected {' or '.join(formats)}"
            raise UsageError(f"unknown format '{name}'{known}")
        return name

    *others, last = formats
    return typer.Option(
        "--format",
        metavar="FORMAT",
        help=f"Print as {', '.join(others)} or {last}.",
        callback=check,
        autocompletion=lambda: formats,
    )


def refuse_together(flag: str, others: Collection[tuple[str, object]]) -> None:
    """Raises UsageError for an option about running queries next to `flag`, which runs none."""
    for name, value in others:
        if value:
            message = f"'{flag}' runs no queries, so it cannot be combined with '{name}'"
            raise UsageError(f"{message}")


def day(option: str, text: str | None) -> date | None:
    """A date from the command line. Raises UsageError."""
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError as error:
        message = f"'{option} {text}' is not a date such as 2026-01-03"
        raise UsageError(f"{message}") from error


def this_minute() -> datetime:
    """Now, UTC, to the minute: the precision of every as-of time."""
    return datetime.now(UTC).replace(second=0, microsecond=0)


def as_of_time(text: str | None) -> datetime | None:
    """A timestamp with its zone, as UTC, to the minute. Raises UsageError."""
    from handoff.sql.types import BadValue, Type, value_of

    if text is None:
        return None
    try:
        value = value_of(text.replace("z", "Z"), Type("TIMESTAMP"))
    except BadValue as error:
        message = f"'--as-of {text}' is not a timestamp such as 2026-01-03T16:20Z"
        raise UsageError(f"{message}") from error
    assert isinstance(value, datetime)
    return value.replace(second=0, microsecond=0)
