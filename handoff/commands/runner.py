"""Run a command and turn its errors into lines on stderr and an exit code."""

from __future__ import annotations

import atexit
import gc
import os
import re
import signal
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from handoff.base.problems import (
    HandoffError,
    InvalidInput,
    WorldError,
    missing_packages,
    nearest,
)
from handoff.commands import console

INTERRUPTED = 130
BUG = 4


def main() -> NoReturn:
    """The `handoff` command."""
    _open_streams()
    _interrupt_on_signals()
    # a command creates little garbage; collecting it costs 20 ms of 250
    gc.set_threshold(50_000)
    _exit(run(sys.argv[1:]))


def _exit(code: int) -> NoReturn:
    """End the process without taking its modules and objects apart: 6 ms of 150."""
    atexit._run_exitfuncs()
    with suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)  # which reports a stream that cannot be written


def _interrupt_on_signals() -> None:
    """End on SIGTERM and SIGHUP as on Ctrl-C: jobs are cancelled, nothing is left half done."""
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        # nohup ignores it, and so does what it starts
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)


def _open_streams() -> None:
    """Open closed standard streams on the null device, so that no file gets their numbers."""
    while (spare := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(spare)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            nowhere = Path(os.devnull).open(mode, encoding="utf-8")  # noqa: SIM115 - kept open
            setattr(sys, name, nowhere)


def run(arguments: Sequence[str]) -> int:
    """The exit code of `handoff` with these arguments."""
    try:
        return _run(arguments)
    except KeyboardInterrupt:
        console.note("handoff: interrupted")
        return INTERRUPTED
    except InvalidInput as error:
        console.problems(error.report.problems)
        return error.exit_code
    except HandoffError as error:
        console.lines(error.lines)
        return error.exit_code
    except BrokenPipeError:
        return _ignore_closed_pipe()
    except SystemExit as stopped:
        if isinstance(stopped.__context__, BrokenPipeError):  # how typer exits then
            return _ignore_closed_pipe()
        raise
    except OSError as error:
        # anywhere on a disk: no permission, a name too long, no space
        where = f"{error.filename}: " if error.filename else ""
        console.error(f"{where}{(error.strerror or str(error)).lower()}")
        return WorldError.exit_code
    except Exception as error:
        return _missing(error) or _bug(error)


def _run(arguments: Sequence[str]) -> int:
    import typer

    from handoff.commands.registry import COMMANDS, build_app

    if "_HANDOFF_COMPLETE" in os.environ:
        from typer._completion_classes import completion_init  # slow; only for completion

        completion_init()
    try:
        code = build_app()(list(arguments), prog_name="handoff", standalone_mode=False)
    except typer.Exit as stopped:
        return stopped.exit_code
    except typer.Abort as error:
        raise KeyboardInterrupt from error
    except typer.TyperException as error:
        return _usage(error, COMMANDS)
    if code == INTERRUPTED:  # typer only returns it
        raise KeyboardInterrupt
    return code if isinstance(code, int) else 0


def _usage(error: Exception, commands: Iterable[str]) -> int:
    """Report what is wrong with the command line."""
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        console.out(f"{error}\n")
        return 2
    message = str(getattr(error, "format_message", lambda: error)()).strip().rstrip(".")
    unknown = re.match(r"No such command '(.*?)'", message)
    message = unknown[0] if unknown else message
    guess = nearest(unknown[1], commands) if unknown else ""
    console.error(f"{message[:1].lower()}{message[1:]}{guess}")
    if context is not None:
        console.note(f"for usage, run '{context.command_path} --help'")
    return 2


def _ignore_closed_pipe() -> int:
    """The exit code where the reader of the output closed it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _missing(error: Exception) -> int:
    """2 if the error is a package that is not installed, which is reported; else 0."""
    module = error.name if isinstance(error, ModuleNotFoundError) else None
    package = (module or "").partition(".")[0]
    if package in ("", "handoff") or package in sys.stdlib_module_names:
        return 0
    missing = missing_packages(package)
    console.lines(missing.lines)
    return missing.exit_code


def _bug(error: Exception) -> int:
    if os.environ.get("HANDOFF_DEBUG"):
        import traceback

        traceback.print_exc()
    kind = type(error).__name__
    console.note(f"handoff: bug: {kind}: {error}")
    console.note(
        "this is a bug in handoff, not in your files; set HANDOFF_DEBUG=1 for a traceback"
    )
    return BUG
