"""Runs a command and turns what stops it into lines on stderr and an exit code."""

from __future__ import annotations

import gc
import os
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NoReturn

from handoff.base.problems import HandoffError, InvalidInput, WorldError, nearest
from handoff.commands import console

INTERRUPTED = 130
BUG = 4


def main() -> NoReturn:
    """The `handoff` command."""
    _open_streams()
    # a command makes little that is worth collecting; looking for it costs 20 ms of 250
    gc.set_threshold(50_000)
    code = run(sys.argv[1:])
    gc.freeze()
    sys.exit(code)


def _open_streams() -> None:
    """Let the standard streams that are closed lead nowhere, and no file take their numbers."""
    while (spare := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(spare)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            nowhere = Path(os.devnull).open(mode, encoding="utf-8")  # noqa: SIM115 - kept open
            setattr(sys, name, nowhere)


def run(words: Sequence[str]) -> int:
    """The exit code of `handoff` with these words."""
    try:
        return _run(words)
    except KeyboardInterrupt:
        console.note("handoff: interrupted")
        return INTERRUPTED
    except InvalidInput as error:
        console.problems(error.report.problems)
        return error.exit_code
    except HandoffError as error:
        console.lines(str(error))
        return error.exit_code
    except BrokenPipeError:
        return _unread()
    except SystemExit as stopped:
        if isinstance(stopped.__context__, BrokenPipeError):  # typer's way to end then
            return _unread()
        raise
    except OSError as error:
        # what a disk may refuse anywhere: no permission, a name too long, no space
        where = f"{error.filename}: " if error.filename else ""
        console.note(f"handoff: error: {where}{(error.strerror or str(error)).lower()}")
        return WorldError.exit_code
    except Exception as error:
        return _bug(error)


def _run(words: Sequence[str]) -> int:
    import typer

    from handoff.commands.registry import COMMANDS, app_for

    try:
        code = app_for(words)(list(words), prog_name="handoff", standalone_mode=False)
    except typer.Exit as stopped:
        return stopped.exit_code
    except typer.Abort as error:
        raise KeyboardInterrupt from error
    except typer.TyperException as error:
        return _usage(error, COMMANDS)
    if code == INTERRUPTED:  # typer says nothing of it
        raise KeyboardInterrupt
    return code if isinstance(code, int) else 0


def _usage(error: Exception, commands: Iterable[str]) -> int:
    """What is wrong with the words on the command line, in a line."""
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        console.out(f"{error}\n")
        return 2
    message = str(getattr(error, "format_message", lambda: error)()).strip().rstrip(".")
    unknown = re.match(r"No such command '(.*?)'", message)
    message = unknown[0] if unknown else message
    guess = nearest(unknown[1], commands) if unknown else ""
    console.note(f"handoff: error: {message[:1].lower()}{message[1:]}{guess}")
    if context is not None:
        console.note(f"'{context.command_path} --help' tells how it is used")
    return 2


def _unread() -> int:
    """The exit code where whoever read the output has enough of it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _bug(error: Exception) -> int:
    if os.environ.get("HANDOFF_DEBUG"):
        import traceback

        traceback.print_exc()
    kind = type(error).__name__
    console.note(f"handoff: bug: {kind}: {error}")
    console.note("this is a mistake in handoff, not yours; HANDOFF_DEBUG=1 shows where")
    return BUG
