"""Every command of `handoff`, by its name; only the one that is asked for is imported."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from typing import Annotated

import typer

from handoff import __version__

COMMANDS: Mapping[str, str] = {
    "init": "init.init",
    "new": "edit.new",
    "render": "render.render",
    "preview": "preview.preview",
    "todo": "edit.todo",
    "set": "edit.set_",
    "add": "edit.add",
    "tick": "edit.tick",
    "untick": "edit.untick",
    "fill": "fill.fill",
    "prompt": "prompt.prompt",
    "resume": "resume.resume",
    "accept": "accept.accept",
    "status": "accept.status",
    "ready": "ready.ready",
    "check": "check.check",
    "publish": "check.publish",
    "schema": "schema.schema",
    "import": "import_.import_",
    "query": "query.app",
    "doctor": "doctor.doctor",
    "completion": "completion.completion",
}
"""In the order of `--help`: a module of this package, and a function or a group in it."""


def app_for(words: Sequence[str]) -> typer.Typer:
    """The command line with the command that `words` name; with all where they name none."""
    app = typer.Typer(
        name="handoff",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={
            "help_option_names": ["-h", "--help"],
            "max_content_width": 100,
        },
    )
    app.callback()(handoff)
    for name in _named(words):
        _register(app, name)
    return app


def _named(words: Sequence[str]) -> Iterable[str]:
    named = next((word for word in words if not word.startswith("-")), "")
    if named in COMMANDS:
        return (named,)
    return () if "--version" in words else COMMANDS


def _register(app: typer.Typer, name: str) -> None:
    module, _, member = COMMANDS[name].rpartition(".")
    found = getattr(import_module(f"handoff.commands.{module}"), member)
    if isinstance(found, typer.Typer):
        app.add_typer(found, name=name)
    else:
        app.command(name)(found)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"handoff {__version__}")
        raise typer.Exit


def handoff(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="The version.")
    ] = False,
) -> None:
    """Session handoffs in Markdown, from YAML, live questions and Jinja templates."""
