"""`query`: the questions themselves, asked one by one, and what they read and cost."""

from __future__ import annotations

from typing import Annotated

import typer

from handoff import api
from handoff.base.problems import UsageError, worst
from handoff.commands import console, options, query_actions, query_output
from handoff.facts.recorded import QueryResult

app = typer.Typer(
    help="List, ask and estimate the questions under sql/.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("list")
def list_(root: options.Root = None) -> int:
    """List the questions: name, parameters, what each answers."""
    project = api.open_project(root)
    queries, problems = api.queries(project)
    for query in queries.values():
        params = ", ".join(f"{each.name} {each.type}" for each in query.params)
        console.out(f"{query.name}{f' ({params})' if params else ''}\n    {query.summary}\n")
    console.problems(problems)
    return 1 if problems else 0


@app.command()
def run(
    question: Annotated[
        str,
        typer.Argument(metavar="QUESTION", help="Its name, such as orchestrator/phases.sql."),
    ],
    param: options.Parameters = None,
    format: options.AnswerFormat = "table",  # noqa: A002 - the option's name
    engine: options.Engine = None,
    as_of: options.AsOf = None,
    settings: options.Settings = None,
    root: options.Root = None,
) -> int:
    """Ask one question and print the answer; nothing is recorded."""
    options.known_format(format, query_output.FORMATS)
    project = api.open_project(root, settings=settings or ())
    answer = query_actions.ask(
        project,
        question,
        dict(map(_pair, param or ())),
        engine=engine,
        as_of=options.moment(as_of),
        progress=console.ProgressLine(),
    )
    if isinstance(answer, QueryResult):
        console.out(query_output.FORMATS[format](answer))
        return 0
    console.note(f"handoff: error: {answer.message}")
    return answer.exit_code


@app.command()
def estimate(
    names: Annotated[
        list[str], typer.Argument(metavar="NAME...", help="Sessions or questions.")
    ],
    param: options.Parameters = None,
    format: options.AnswerFormat = "table",  # noqa: A002 - the option's name
    as_of: options.AsOf = None,
    settings: options.Settings = None,
    root: options.Root = None,
) -> int:
    """Tell what questions would cost on BigQuery.

    BigQuery is asked by dry runs; nothing is billed.
    """
    options.known_format(format, query_output.FORMATS)
    project = api.open_project(root, settings=settings or ())
    answer, failures = query_actions.estimate(
        project,
        names,
        dict(map(_pair, param or ())),
        as_of=options.moment(as_of),
        progress=console.ProgressLine(),
    )
    console.out(query_output.FORMATS[format](answer))
    for failure in failures:
        console.note(f"handoff: error: {failure.message}")
    return worst(failure.exit_code for failure in failures)


@app.command("pull-schema")
def pull_schema(
    engine: options.Engine = None,
    settings: options.Settings = None,
    root: options.Root = None,
) -> int:
    """Record the tables that questions read.

    They go into sql/schema.json, for checks without a warehouse.
    """
    project = api.open_project(root, settings=settings or ())
    written = query_actions.pull_schema(project, engine=engine, progress=console.ProgressLine())
    console.note(f"{'wrote' if written.changed else 'kept'} {written.path}: {written.summary}")
    return 0


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"handoff: error: '--param {text}' is not NAME=VALUE")
    return name, value
