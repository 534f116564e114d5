"""Every command of `handoff`, by its name."""

from __future__ import annotations

from typing import Annotated

import typer

from handoff import __version__
from handoff.cli import asking, authoring, checking, doctor, rendering, starting

app = typer.Typer(
    name="handoff",
    help="Session handoffs in Markdown, from YAML, live BigQuery questions and Jinja templates.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"handoff {__version__}")
        raise typer.Exit


@app.callback()
def handoff(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="The version.")
    ] = False,
) -> None:
    """Session handoffs in Markdown, from YAML, live BigQuery questions and Jinja templates."""


app.command()(starting.init)
app.command()(rendering.render)
app.command()(authoring.todo)
app.command("set")(authoring.set_)
app.command()(authoring.add)
app.command()(authoring.tick)
app.command()(authoring.untick)
app.command()(rendering.prompt)
app.command()(checking.check)
app.command()(checking.publish)
app.command()(checking.schema)
app.command()(doctor.doctor)
app.add_typer(asking.app, name="query")
