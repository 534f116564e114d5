"""`query list` and `query run`: the questions themselves."""

from __future__ import annotations

from typing import Annotated

import typer

from handoff import answers, api
from handoff.cli import console, options
from handoff.facts import Answer
from handoff.problems import UsageError, nearest

app = typer.Typer(
    help="The questions under sql/: list them, ask one.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("list")
def list_(root: options.Root = None) -> int:
    """Every question: its name, its parameters and what it answers."""
    project = api.open_project(root)
    queries, problems = api.queries(project)
    for query in queries.values():
        params = ", ".join(f"{each.name} {each.type}" for each in query.params)
        console.out(f"{query.name}{f' ({params})' if params else ''}\n    {query.summary}\n")
    console.problems(problems)
    return 1 if problems else 0


@app.command()
def run(
    question: Annotated[str, typer.Argument(help="Its name, such as orchestrator/phases.sql.")],
    param: Annotated[
        list[str] | None,
        typer.Option("--param", metavar="NAME=VALUE", help="A parameter; lists as JSON."),
    ] = None,
    format: Annotated[  # noqa: A002 - the option's name
        str, typer.Option("--format", metavar="FORMAT", help="table, json, csv or md.")
    ] = "table",
    engine: options.Engine = None,
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", metavar="TIME", help="The moment to ask for; else now."),
    ] = None,
    root: options.Root = None,
) -> int:
    """Ask one question and print the answer; nothing is recorded."""
    if format not in answers.FORMATS:
        known = nearest(format, answers.FORMATS) or f", expected {' or '.join(answers.FORMATS)}"
        raise UsageError(f"handoff: error: unknown format '{format}'{known}")
    project = api.open_project(root)
    answer = api.ask(
        project,
        question,
        dict(map(_pair, param or ())),
        engine=engine,
        as_of=options.moment(as_of),
        progress=console.Progress(),
    )
    if isinstance(answer, Answer):
        console.out(answers.FORMATS[format](answer))
        return 0
    console.note(f"{answer.message}")
    return answer.exit_code


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"handoff: error: '--param {text}' is not NAME=VALUE")
    return name, value
