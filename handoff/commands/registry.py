"""Every command of `handoff`; a command's module is imported when the command runs."""

# without 'from __future__ import annotations': typer evaluates each text four times (1 ms)

import inspect
from collections.abc import Mapping
from importlib import import_module
from typing import Annotated, Any

import typer
from msgspec import Struct
from typer.core import TyperCommand, TyperGroup

from handoff import __version__

SETTINGS: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class CommandEntry(Struct, frozen=True):
    """Where a command is defined, and its line in `handoff --help`."""

    target: str
    """`module.member` in this package: a function, or a group."""
    help: str


COMMANDS: Mapping[str, CommandEntry] = {
    name: CommandEntry(target, text)
    for name, target, text in (
        ("init", "init.init", "Write settings, a first session and a query into a repository."),
        (
            "new",
            "new.new",
            "Create the next session, continuing the last one.",
        ),
        ("render", "render.render", "Run the queries, record the results, write the document."),
        (
            "preview",
            "preview.preview",
            "Show the document in a browser and keep it up to date.",
        ),
        ("todo", "todo.todo", "List the blanks and where they are."),
        ("set", "edit.set_", "Set the value of one field; no other byte changes."),
        ("add", "edit.add", "Add items to the end of a list or checklist."),
        ("tick", "edit.tick", "Check a checklist item."),
        ("untick", "edit.untick", "Uncheck a checklist item, keeping its note."),
        ("remove", "edit.remove", "Remove a key or an item; no other byte changes."),
        ("apply", "edit.apply", "Make many changes from one YAML or JSON document."),
        ("fill", "fill.fill", "Fill the blanks one by one at a terminal."),
        ("prompt", "prompt.prompt", "Print the prompt to paste into the next session."),
        ("resume", "resume.resume", "Print the prompt with today's facts, and what changed."),
        ("accept", "accept.accept", "Record who took a handoff over."),
        ("status", "status.status", "List the sessions, how complete each is and who has it."),
        ("ready", "ready.ready", "Check whether a session's start conditions hold."),
        (
            "check",
            "check.check",
            "Check sessions, queries, facts and documents.",
        ),
        ("publish", "publish.publish", "Write all documents and the index."),
        (
            "merge-driver",
            "merge_driver.merge_driver",
            "Merge two versions of a generated file for git.",
        ),
        ("schema", "schema.schema", "Print the JSON Schema of the session file, for editors."),
        ("import", "import_.import_", "Convert a Markdown handoff to a session file."),
        ("query", "query.app", "List, run and estimate the queries under sql/."),
        ("doctor", "doctor.doctor", "Diagnose configuration, credentials and the warehouse."),
        ("mcp", "mcp.mcp", "Serve commands as tools for coding agents over MCP."),
        ("completion", "completion.completion", "Print the script for completion in a shell."),
    )
}
"""In the order of `--help`. A function's docstring is what `--help` prints below its line."""


class CommandGroup(TyperGroup):
    """Lists commands from the table alone; imports only the one that is called."""

    def __init__(self, **settings: Any) -> None:
        lines = {name: TyperCommand(name, help=each.help) for name, each in COMMANDS.items()}
        super().__init__(**{**settings, "commands": lines})

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[Any, Any, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        return name, load_command(str(name)) if command else None, rest


def build_app() -> typer.Typer:
    """The command line."""
    app = typer.Typer(
        name="handoff",
        cls=CommandGroup,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        suggest_commands=False,
        context_settings=SETTINGS,
    )
    app.callback()(handoff)
    return app


def load_command(name: str) -> Any:
    """The command, its module imported."""
    module, _, member = COMMANDS[name].target.rpartition(".")
    found = getattr(import_module(f"handoff.commands.{module}"), member)
    if isinstance(found, typer.Typer):
        found.info.help = COMMANDS[name].help
        return typer.main.get_command(found)
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    details = inspect.getdoc(found)
    help_text = "\n\n".join(filter(None, (COMMANDS[name].help, details)))
    app.command(name, help=help_text)(found)
    return typer.main.get_command(app)


def _version(ctx: typer.Context, is_set: bool) -> None:
    if is_set and not ctx.resilient_parsing:
        typer.echo(f"handoff {__version__}")
        raise typer.Exit


def handoff(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Session handoffs in Markdown, from YAML, recorded query results and Jinja templates."""
