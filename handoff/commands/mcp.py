"""`mcp`: serve commands as tools of the Model Context Protocol over stdin and stdout.

Each call runs the command in a process of its own: what it prints cannot get between the
messages of the protocol, and a cancelled call ends it.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Annotated, Any

import typer
from msgspec import Struct, ValidationError, convert, json

from handoff import __version__
from handoff.base.problems import UsageError, WorldError, nearest
from handoff.commands import options
from handoff.commands.registry import load_command

if TYPE_CHECKING:
    from mcp.server.lowlevel import Server
    from mcp_types import CallToolResult

_PYTHON = (sys.executable, "-P", "-c", "from handoff.commands import main; main()")
"""Runs `handoff`; nothing is imported from the current folder."""


class ServedCommand(Struct, frozen=True):
    """What a tool takes of its command."""

    parameters: tuple[str, ...] = ()
    """Arguments and options, as on the command line."""
    always: tuple[str, ...] = ()
    """Options of every call."""
    document: str = ""
    """The argument whose text the command reads from standard input."""
    writes: bool = False


SERVED: Mapping[str, ServedCommand] = {
    "resume": ServedCommand(("session", "--engine", "--frozen", "--as-of", "--prompt")),
    "prompt": ServedCommand(("session", "name", "--strict")),
    "todo": ServedCommand(("session", "--all"), always=("--json",)),
    "apply": ServedCommand(("session", "document", "--new"), document="document", writes=True),
    "accept": ServedCommand(("session", "--by", "--note"), writes=True),
    "check": ServedCommand(
        ("sessions", "--strict", "--expect", "--live"), always=("--format=json",)
    ),
    "status": ServedCommand(always=("--format=json",)),
}
"""The tools by the names of their commands, whose help describes them."""


def mcp(
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Serve no tools that write files.")
    ] = False,
    root: options.Root = None,
) -> int:
    """Started by a coding agent; docs/resuming.md shows its configuration."""
    try:
        import anyio  # slow, as the SDK; only with the extra
        import mcp_types  # noqa: F401 - not in version 1 of the SDK
        from mcp.server.stdio import stdio_server
    except ImportError as error:
        message = (
            "version 2 of the MCP SDK is not installed; run pip install 'handoff-docs[mcp]'"
        )
        raise UsageError(message) from error
    server = _build_server(read_only=read_only, root=root)

    async def serve() -> None:
        async with stdio_server() as (requests, results):
            await server.run(requests, results, server.create_initialization_options())

    # the SDK waits for its reader of stdin, which nothing but a signal ends
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    with suppress(BrokenPipeError):  # the client is gone
        try:
            anyio.run(serve)
        except BaseExceptionGroup as group:
            raise _first(group) from group
    return 0


def _first(error: BaseException) -> BaseException:
    return _first(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


def _build_server(*, read_only: bool, root: str | None) -> Server[Any]:
    from mcp.server.lowlevel import Server
    from mcp_types import ListToolsResult, Tool, ToolAnnotations

    from handoff.workspace.document import DATA

    served = {name: each for name, each in SERVED.items() if not (read_only and each.writes)}
    tools = [
        Tool(
            name=name,
            description=_description(name),
            input_schema=_input_schema(name, each),
            annotations=ToolAnnotations(read_only_hint=not each.writes),
        )
        for name, each in served.items()
    ]

    async def list_tools(*_: object) -> ListToolsResult:
        return ListToolsResult(tools=tools)

    async def call_tool(_: object, request: Any) -> CallToolResult:
        try:
            if request.name not in served:
                ending = "; the server is read-only" if request.name in SERVED else ""
                guess = ending or nearest(request.name, served)
                raise UsageError(f"unknown tool '{request.name}'{guess}")
            words, document = _command_line(request.name, request.arguments or {}, root)
            return _result(*await _run(words, document))
        except (UsageError, WorldError) as error:
            return _result(error.exit_code, "", error.lines)

    return Server(
        "handoff",
        version=__version__,
        instructions=DATA,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


# --- descriptions --------------------------------------------------------------------------


def _parameters(name: str) -> dict[str, Any]:
    """What the tool takes, by its name there: `as_of` is the option `--as-of`."""
    command = {each.opts[0]: each for each in load_command(name).params}
    return {
        option.removeprefix("--").replace("-", "_"): command[option]
        for option in SERVED[name].parameters
    }


def _description(name: str) -> str:
    """The help of the command, without the paragraphs about options of a shell."""
    paragraphs = load_command(name).help.split("\n\n")
    return "\n\n".join(each for each in paragraphs if "'--" not in each)


def _input_schema(name: str, served: ServedCommand) -> dict[str, Any]:
    parameters = _parameters(name)
    return {
        "type": "object",
        "properties": {
            key: {
                **json.schema(_type(each)),
                "description": _keys() if key == served.document else each.help,
            }
            for key, each in parameters.items()
        },
        "required": [key for key, each in parameters.items() if each.required],
        "additionalProperties": False,
    }


_WORDS: Mapping[object, str] = {bool: "true or false", str: "text", list[str]: "a list of text"}


def _type(parameter: Any) -> Any:
    """One of `_WORDS`."""
    if getattr(parameter, "is_flag", False):
        return bool
    return list[str] if parameter.nargs == -1 else str


def _keys() -> str:
    """What a document of changes is made of, from the table of keys."""
    from handoff.session.keys import KEYS

    lines = ["The text of the document, not its path. Keys of a session, and what they take:"]
    for key in KEYS:
        example = f", for example {key.sample}" if key.has_sample else ""
        lines.append(f"- {key.name}: {key.takes}{example}")
    return "\n".join(lines)


# --- calls ---------------------------------------------------------------------------------


def _command_line(
    name: str, given: Mapping[str, Any], root: str | None
) -> tuple[list[str], bytes]:
    """The command with its arguments, and its standard input. Raises UsageError.

    Values are never read as options: they are after `=` or `--`.
    """
    served, parameters = SERVED[name], _parameters(name)
    for key in given:
        if key not in parameters:
            raise UsageError(f"unknown argument '{key}' of {name}{nearest(key, parameters)}")
    words, arguments, document = [name, *served.always], [], b""
    if root is not None:
        words.append(f"--root={root}")
    for key, each in parameters.items():
        value = given.get(key)
        if value is None:
            if each.required:
                raise UsageError(f"missing argument '{key}' of {name}")
            continue
        texts = _read_texts(key, value, _type(each))
        option = each.opts[0]
        if key == served.document:
            document, texts = texts[0].encode(), ["-"]
        if not option.startswith("--"):
            arguments += texts
        elif value is True:
            words.append(option)
        else:
            words += [f"{option}={text}" for text in texts]
    return [*words, "--", *arguments], document


def _read_texts(key: str, value: object, kind: Any) -> list[str]:
    """The texts in a value; none in true and false. Raises UsageError."""
    try:
        convert(value, kind)
    except ValidationError as error:
        message = f"unexpected value of '{key}', expected {_WORDS[kind]}"
        raise UsageError(message) from error
    texts = value if isinstance(value, list) else [value] if isinstance(value, str) else []
    for text in texts:
        if "\0" in text or text != text.encode("utf-8", "ignore").decode():
            raise UsageError(f"'{key}' has a character that is not allowed in text")
    return texts


async def _run(words: list[str], document: bytes) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of the command. Raises WorldError."""
    import anyio

    try:
        with TemporaryFile() as stdin:  # not a pipe, which a command may close unread
            stdin.write(document)
            stdin.seek(0)
            done = await anyio.run_process([*_PYTHON, *words], stdin=stdin, check=False)
    except OSError as error:  # for example an argument that is too long
        raise WorldError(f"cannot run '{words[0]}': {error.strerror}") from error
    out, err = (each.decode("utf-8", "replace") for each in (done.stdout, done.stderr))
    return done.returncode, out, err


def _result(code: int, out: str, err: str) -> CallToolResult:
    """What the command printed: its output, then its messages and the exit code."""
    from mcp_types import CallToolResult, TextContent

    ending = f"exit code {code}" if code else ""
    messages = "\n".join(filter(None, (err.rstrip("\n"), ending)))
    content = [TextContent(text=each) for each in (out, messages) if each]
    return CallToolResult(content=[*content], is_error=code != 0)
