"""A report as lines for people, JSON or SARIF for programs, or annotations for GitHub."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from urllib.parse import quote

from msgspec.structs import replace

from handoff import __version__
from handoff.base.characters import UNSAFE, revealed
from handoff.base.problems import Level, Place, Problem, Report
from handoff.base.secrets import masked

_COLOURS: dict[Level, str] = {"error": "31", "warning": "33", "note": "36"}
MAX_MESSAGE = 2_000
"""Characters of a message in text output; a quoted line may have a megabyte."""
_COMMANDS: dict[Level, str] = {"error": "error", "warning": "warning", "note": "notice"}
MAX_ANNOTATIONS = 10
"""Of each level that GitHub shows for one step; it drops the others."""


def as_text(report: Report, *, colour: bool = False) -> str:
    """One line per problem, `place: level: message (code)`."""
    line = _coloured if colour else str
    return "".join(f"{line(_printable(problem))}\n" for problem in report.problems)


def as_json(report: Report, *, colour: bool = False) -> str:
    """One object: the number of problems per level, and the problems with their places."""
    counts = {f"{level}s": count for level, count in _counts(report).items()}
    problems = [_fields(problem) for problem in report.problems]
    return f"{json_text({**counts, 'problems': problems})}\n"


def as_github(report: Report, *, colour: bool = False) -> str:
    """Workflow commands that GitHub shows as annotations of a pull request.

    Escaped as the runner expects: `%`, CR and LF everywhere, `:` and `,` also in
    properties (github.com/actions/toolkit, `packages/core/src/command.ts`). What GitHub would
    drop is plain text for the log, counted in a first notice.
    """
    annotated = _annotated(report)
    lines = [
        _annotation(each) if each in annotated else _log_line(each) for each in report.problems
    ]
    if left := not_annotated(report):
        message = f"{left} not annotated, see the log of this step"
        lines.insert(0, f"::notice title=handoff::{_data(message)}")
    return "".join(f"{line}\n" for line in lines)


def not_annotated(report: Report) -> str:
    """`15 errors, 2 warnings`: the problems without an annotation; empty if there are none."""
    annotated = _annotated(report)
    return _counted(Report(tuple(p for p in report.problems if p not in annotated)))


def _annotated(report: Report) -> frozenset[Problem]:
    """The first problems of each level; the notice about the others takes one place."""
    counts = _counts(report)
    is_over = any(count > MAX_ANNOTATIONS for count in counts.values())
    found: set[Problem] = set()
    for level in counts:
        most = MAX_ANNOTATIONS - (level == "note" and is_over)
        found.update([each for each in report.problems if each.level == level][:most])
    return frozenset(found)


def as_sarif(report: Report, *, colour: bool = False) -> str:
    """A log of SARIF 2.1.0, as code scanning of GitHub and others read it."""
    codes = sorted({problem.code for problem in report.problems})
    driver = {
        "name": "handoff",
        "semanticVersion": __version__,
        "rules": [{"id": code} for code in codes],
    }
    results = [_result(problem, codes.index(problem.code)) for problem in report.problems]
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": results,
    }
    schema = "https://json.schemastore.org/sarif-2.1.0.json"
    return f"{json_text({'$schema': schema, 'version': '2.1.0', 'runs': [run]})}\n"


def _result(problem: Problem, index: int) -> dict[str, object]:
    place = problem.place
    location: dict[str, object] = {"artifactLocation": {"uri": quote(place.path)}}
    if place.line:
        column = {"startColumn": place.column} if place.column else {}
        location["region"] = {"startLine": place.line, **column}
    return {
        "ruleId": problem.code,
        "ruleIndex": index,
        "level": problem.level,
        "message": {"text": problem.message},
        "locations": [{"physicalLocation": location}],
    }


FORMATS: dict[str, Callable[..., str]] = {
    "text": as_text,
    "json": as_json,
    "github": as_github,
    "sarif": as_sarif,
}
"""The values of `--format`; each is called with the report and `colour=`."""


def summary(report: Report) -> str:
    """`2 errors, 1 warning`, or `no problems`."""
    return _counted(report) or "no problems"


def warnings_as_errors(report: Report) -> Report:
    """The report with every warning as an error; notes stay notes."""
    return Report.of(
        replace(problem, level="error") if problem.level == "warning" else problem
        for problem in report.problems
    )


GATES = ("E001", "E002")
"""Expectations that are not met, or cannot be evaluated."""


def unmet_expectations_as_errors(report: Report) -> Report:
    """The report with unmet expectations as errors."""
    return Report.of(
        replace(problem, level="error") if problem.code in GATES else problem
        for problem in report.problems
    )


def with_folder(report: Report, folder: str) -> Report:
    """The report with `folder` in front of every path."""
    if not folder:
        return report
    places = ((each, each.place) for each in report.problems)
    return Report(
        tuple(
            replace(each, place=replace(place, path=f"{folder}/{place.path}"))
            for each, place in places
        )
    )


def changed_first(report: Report, paths: Collection[str]) -> Report:
    """The report with the problems in `paths` before the others."""
    return Report(tuple(sorted(report.problems, key=lambda each: each.place.path not in paths)))


def json_text(value: object) -> str:
    """`value` as indented JSON that is safe to print on a terminal."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    # in strings only: the only control character outside of them is a newline
    return UNSAFE.sub(lambda m: m[0] if m[0] == "\n" else f"\\u{ord(m[0]):04x}", text)


def _printable(problem: Problem) -> Problem:
    place = replace(problem.place, path=revealed(masked(problem.place.path)))
    return replace(problem, message=_short(revealed(masked(problem.message))), place=place)


def _short(message: str) -> str:
    """At most `MAX_MESSAGE` characters; the end is kept, as it has the fix."""
    left_out = len(message) - MAX_MESSAGE
    if left_out <= 0:
        return message
    half = MAX_MESSAGE // 2
    return f"{message[:half]} … {left_out:,} characters … {message[-half:]}"


def _coloured(problem: Problem) -> str:
    level = f"\x1b[{_COLOURS[problem.level]}m{problem.level}\x1b[0m"
    place = f"\x1b[1m{problem.place}\x1b[0m"
    return f"{place}: {level}: {problem.message} \x1b[2m({problem.code})\x1b[0m"


def _fields(problem: Problem) -> dict[str, object]:
    return {
        "code": problem.code,
        "level": problem.level,
        "message": problem.message,
        **place_fields(problem.place),
    }


def place_fields(place: Place) -> dict[str, object]:
    """A place for JSON: `null` for an unknown line or column."""
    return {
        "path": place.path,
        "line": place.line or None,
        "column": place.column or None,
        "keys": list(place.keys),
    }


def _annotation(problem: Problem) -> str:
    place = problem.place
    numbers = {"line": place.line, "col": place.column}
    properties = {"file": place.path, **{k: str(n) for k, n in numbers.items() if n}}
    properties["title"] = problem.code
    listed = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return f"::{_COMMANDS[problem.level]} {listed}::{_data(problem.message)}"


def _log_line(problem: Problem) -> str:
    """A line of the log, in which the runner finds no workflow command."""
    return f"- {_printable(problem)}".replace("##[", "# #[")


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _counts(report: Report) -> dict[Level, int]:
    levels = [problem.level for problem in report.problems]
    return {level: levels.count(level) for level in _COLOURS}


def _counted(report: Report) -> str:
    counts = _counts(report).items()
    return ", ".join(counted(count, level) for level, count in counts if count)


def counted(count: int, word: str) -> str:
    """`1 error`, `2 errors`, `2 queries`."""
    plural = f"{word[:-1]}ies" if word.endswith("y") else f"{word}s"
    return f"{count} {word if count == 1 else plural}"
