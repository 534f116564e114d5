"""Problems with their places, and errors with their exit codes.

Problems are values: each stage collects them and continues as far as possible. Errors are
exceptions with one base class; `commands.runner` prints them on stderr.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Literal

from msgspec import Struct

Level = Literal["error", "warning", "note"]
KeyPath = tuple[str | int, ...]

_LEVELS: tuple[Level, ...] = ("error", "warning", "note")


class Place(Struct, frozen=True):
    """A position in one of the author's files."""

    path: str
    """Relative to the root, with forward slashes."""
    line: int = 0
    """Counted from 1; 0 for the file as a whole."""
    column: int = 0
    """In characters, counted from 1; 0 for the line as a whole."""
    keys: KeyPath = ()
    """The path of the value in a YAML file: `("accomplished", "Logic", 0)`; not compared."""

    @classmethod
    def at(cls, path: str, text: str, offset: int) -> Place:
        """The place of character `offset` of `text`, the content of the file `path`."""
        line = text.count("\n", 0, offset) + 1
        return cls(path, line, offset - text.rfind("\n", 0, offset))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Place) and self._order == other._order

    def __hash__(self) -> int:
        return hash(self._order)

    def __lt__(self, other: Place) -> bool:
        return self._order < other._order

    @property
    def _order(self) -> tuple[str, int, int]:
        return self.path, self.line, self.column

    def __str__(self) -> str:
        numbers = [str(n) for n in (self.line, self.column) if n]
        return ":".join([self.path, *numbers])


class Problem(Struct, frozen=True):
    """One problem: `place: level: message (code)`."""

    code: str
    """A letter and a number, listed in `docs/checks.md`; never reused."""
    message: str
    """Lower case, no full stop: what is wrong, what was expected, how to fix it."""
    place: Place
    level: Level = "error"

    def __str__(self) -> str:
        return f"{self.place}: {self.level}: {self.message} ({self.code})"


class Report(Struct, frozen=True):
    """The problems of one run, each once, sorted by place and level."""

    problems: tuple[Problem, ...] = ()

    @classmethod
    def of(cls, problems: Iterable[Problem]) -> Report:
        """A report of `problems`, sorted and without duplicates."""
        return cls(tuple(sorted(dict.fromkeys(problems), key=_order)))

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(p for p in self.problems if p.level == "error")

    @property
    def warnings(self) -> tuple[Problem, ...]:
        return tuple(p for p in self.problems if p.level == "warning")


def _order(problem: Problem) -> tuple[Place, int, str, str]:
    return problem.place, _LEVELS.index(problem.level), problem.code, problem.message


class HandoffError(Exception):
    """Anything that stops a command and is not a bug."""

    exit_code = 4
    place = ""
    """Its place; empty if the message itself starts with one."""

    def __init__(self, message: str = "", *, place: str = "") -> None:
        super().__init__(message)
        self.place = place or self.place

    @property
    def lines(self) -> str:
        """As printed on the command line."""
        return f"{self.place}: error: {self}" if self.place else str(self)


class InvalidInput(HandoffError):
    """The author's files have errors; carries every problem found."""

    exit_code = 1

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.report = Report.of(problems)
        super().__init__("\n".join(str(p) for p in self.report.problems))


class Refused(HandoffError):
    """A refused write, or a document that is out of date."""

    exit_code = 1


class UsageError(HandoffError):
    """The command line or the settings are invalid."""

    exit_code = 2
    place = "handoff"


class WorldError(HandoffError):
    """A failure of warehouse, network or disk."""

    exit_code = 3


DISTRIBUTION = "handoff-docs"
_PACKAGES = {"google": "google-cloud-bigquery", "mcp_types": "mcp", "re2": "google-re2"}
"""Packages that are named otherwise than their modules."""


def missing_packages(*modules: str) -> UsageError:
    """The error where packages are not installed, as in the slim set of docs/installing.md."""
    from importlib import metadata  # slow: only to report the error

    names = [_PACKAGES.get(each, each).replace("_", "-").lower() for each in modules]
    try:
        required = [
            each.split(";")[0].strip() for each in metadata.requires(DISTRIBUTION) or ()
        ]
    except metadata.PackageNotFoundError:
        required = []
    by_name = {re.split("[^a-z0-9-]", each.lower())[0]: each for each in required}
    wanted = " ".join(f'"{by_name.get(each, each)}"' for each in names)
    subject = f"{', '.join(names)}, which {'are' if names[1:] else 'is'} not installed"
    return UsageError(f"this needs {subject}; run 'pip install {wanted}'")


_BY_WEIGHT = (130, 4, 2, 3, 1, 0)


def worst_exit_code(codes: Iterable[int]) -> int:
    """The exit code of several: the first of 130, 4, 2, 3, 1, 0 among them."""
    return min(codes, key=_BY_WEIGHT.index, default=0)


def nearest(word: str, choices: Iterable[str]) -> str:
    """`, did you mean 'x'?` for the choice closest to `word`; else empty."""
    by_fold = {choice.casefold(): choice for choice in choices}
    close = get_close_matches(word.casefold(), by_fold, n=1, cutoff=0.6)
    return f", did you mean '{by_fold[close[0]]}'?" if close else ""
