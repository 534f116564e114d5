"""Measure what `import` understands of handwritten handoffs, and what `check` finds in them.

    python tests/field.py [FOLDER] [--each] [--missed] [--vary SEED]

Without a folder, the documents in `tests/fixtures/field` are measured against what
`expected.yaml` there says about them. A folder of your own needs no such file: the figures that
depend on it are left out. `--vary` gives the documents other headings, labels and orders.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from field_variants import vary
from msgspec import Struct

from handoff import api
from handoff.base.markdown import headings, parse_repaired
from handoff.base.problems import InvalidInput, Problem, UsageError
from handoff.base.tree import Tree
from handoff.check import handwritten_problems
from handoff.check.rule import DocumentContext
from handoff.import_.convert import import_document
from handoff.import_.document import read_document
from handoff.session import decode
from handoff.session.model import Session

ROOT = Path(__file__).parent.parent
FIELD = Path(__file__).parent / "fixtures/field"

UNTYPED = {
    *("session", "title", "slug", "created", "duration", "template", "status"),
    *("header", "closing", "sections"),
}
"""Keys of a session file that say little about the meaning of a text."""
KEYS = {
    "actions": {"actions", "next", "checkpoint"},
    "checklist": {"checklist"},
    "commands": {"commands", "troubleshooting"},
    "commits": {"accomplished", "files"},
    "decisions": {"decisions"},
    "do-nots": {"do_not"},
    "done": {"accomplished", "summary"},
    "files": {"files"},
    "findings": {"findings", "insights"},
    "metrics": {"metrics", "coverage", "orchestrator", "findings"},
    "next": {"next", "actions", "checklist", "prompt"},
    "prompt": {"prompt", "prompts"},
    "state": {"orchestrator", "coverage", "metrics", "summary"},
    "summary": {"summary", "goal", "accomplished", "orchestrator"},
    "tried": {"tried", "findings"},
    "troubleshooting": {"troubleshooting", "findings"},
}
"""The keys that a section of an idea may become."""
CODES = {
    **{"B002": "blank", "C007": "count", "C009": "percent", "C010": "sum", "C011": "date"},
    **{"C012": "date", "C013": "duration", "D001": "fence", "D002": "nested"},
    **{"D007": "link", "D008": "link", "D009": "setext", "P001": "file", "W001": "complete"},
    **{"B001": "blank", "D013": "file", "P006": "file", "W002": "complete"},
}
"""The fault that each rule finds."""
NEAR = {"count": 3, "nested": 8}
"""Lines between a fault and its report, which may be at the list or at the inner fence."""
NAMES_NEXT = re.compile(
    r"(?im)^\W*(?:\d+\W+)?(?:next\b|what'?s next|remaining work|to-?do|first moves|follow-?ups)"
)
"""A line that starts what comes next, for documents about which nothing is known."""


class Measured(Struct, frozen=True):
    """One document: what is known about it, what was imported, what was reported."""

    name: str
    text: str
    expected: Mapping[str, Any] | None
    session: Mapping[str, Any] | None
    """As read from the imported session file; `None` if the document was refused."""
    has_day: bool
    lost: tuple[str, ...]
    """Words of the document that the session does not print, and lines that were reported."""
    problems: tuple[Problem, ...]

    # --- import

    @property
    def typed(self) -> dict[str, Any]:
        """The keys of the session with a meaning of their own."""
        items = (self.session or {}).items()
        return {key: value for key, value in items if key not in UNTYPED}

    @property
    def typed_bytes(self) -> tuple[int, int]:
        """The bytes in typed keys: all, and those not kept as Markdown."""
        leaves = [*_leaves(self.typed)]
        sizes = [(len(text.encode()), "markdown" in path) for path, text in leaves]
        return sum(n for n, _ in sizes), sum(n for n, verbatim in sizes if not verbatim)

    @property
    def prompts_missed(self) -> list[str]:
        keys = {key: self.typed.get(key) for key in ("prompt", "prompts")}
        words = _words(" ".join(text for _, text in _leaves(keys)))
        return [each for each in self._expected("prompts", ()) if _words(each) not in words]

    @property
    def next_problem(self) -> str | None:
        """What differs from the expected next session."""
        expected, found = self._expected("next", None), self.typed.get("next")
        if expected is None:
            return f"next found: {found}" if isinstance(found, dict) and _named(found) else None
        if not found:
            is_elsewhere = any(key in self.typed for key in ("actions", "prompt"))
            return None if is_elsewhere and not expected else "no next"
        words = _words(" ".join(text for _, text in _leaves(found)))
        for part in expected.values():
            if f" {_words(part).strip()} " not in words:
                return f"next without '{part}'"
        return None

    @property
    def status_problem(self) -> str | None:
        expected, found = self._expected("status", None), (self.session or {}).get("status")
        if found is None or expected is None:
            return None if found is expected else f"status {found!r}, expected {expected!r}"
        is_same = _words(str(expected)) == _words(str(found))
        return None if is_same else f"status {found!r}, expected {expected!r}"

    @property
    def has_wrong_status(self) -> bool:
        """Whether a status was found that is not the session's."""
        return bool(self.status_problem) and "status" in (self.session or {})

    @property
    def day_problem(self) -> str | None:
        expected, found = self._expected("day", None), (self.session or {}).get("created")
        found = found.get("date") if isinstance(found, dict) else found
        found = date.fromisoformat(found) if found and self.has_day else None
        return None if found == expected else f"day {found}, expected {expected}"

    @property
    def items_problem(self) -> str | None:
        expected = (self._expected("open", 0), self._expected("done", 0))
        found = _count_items(self.session)
        return None if found == expected else f"items {found}, expected {expected}"

    @property
    def sections_missed(self) -> list[str]:
        """The headings whose words are not in a key of their idea."""
        words = {
            key: {*_words(" ".join(text for _, text in _leaves(value))).split()}
            for key, value in (self.session or {}).items()
        }
        missed = []
        for title, idea in self._expected("sections", {}).items():
            below = _MARKER.sub("", _body(self.text, title))
            body = {*_words(below).split()} or {*_words(title).split()}
            found = set[str]().union(*(words.get(key, ()) for key in KEYS[idea]))
            if len(body & found) < 0.75 * len(body):
                where = max(words, key=lambda key: len(body & words[key]), default="nothing")
                missed.append(f"section '{title}' ({idea}) in {where}")
        return missed

    # --- check

    @property
    def faults(self) -> list[tuple[int, str]]:
        return [(line, kind) for line, kind in self._expected("faults", ())]

    @property
    def reports(self) -> list[tuple[int, str]]:
        return [
            (each.place.line or 0, CODES[each.code])
            for each in self.problems
            if each.code in CODES
        ]

    @property
    def faults_missed(self) -> list[str]:
        missed = [each for each in self.faults if not any(map(_fits(each), self.reports))]
        return [f"line {line}: {kind} not reported" for line, kind in missed]

    @property
    def false_reports(self) -> list[str]:
        known = [*self.faults, *map(tuple, self._expected("tolerated", ()))]
        return [
            f"line {each.place.line}: false report: {each.message} ({each.code})"
            for each in self.problems
            if each.code in CODES
            and not any(
                _fits(fault)((each.place.line or 0, CODES[each.code])) for fault in known
            )
        ]

    def missed(self) -> list[str]:
        """Everything that differs from what is expected, a line each."""
        if self.expected is None:
            return [f"lost: {' '.join(self.lost)}"] if self.lost else []
        found = (self.status_problem, self.day_problem, self.next_problem, self.items_problem)
        return [
            *(each for each in found if each),
            *(f"prompt not found: {each}" for each in self.prompts_missed),
            *self.sections_missed,
            *self.faults_missed,
            *self.false_reports,
            *([f"lost: {' '.join(self.lost)}"] if self.lost else ()),
        ]

    def _expected(self, key: str, default: Any) -> Any:
        return (self.expected or {}).get(key, default)


# --- measuring -------------------------------------------------------------------------------


def measure_folder(folder: Path, *, seed: int | None = None) -> list[Measured]:
    """Every document below `folder`, by name; with a seed, a variant of each."""
    project = api.open_project(str(ROOT))
    known = folder / "expected.yaml"
    expected = yaml.safe_load(known.read_text("utf-8")) if known.is_file() else {}

    def render(session: Session) -> str:
        return api.render(project, api.LoadedSession(session, {}, ()), None).text

    measured = []
    for file in sorted(folder.rglob("*.md")):
        name = file.relative_to(folder).as_posix()
        content, of_file = file.read_bytes(), expected.get(name)
        if of_file and seed is not None:
            text, of_file = vary(content.decode().replace("\r\n", "\n"), of_file, (name, seed))
            content = text.encode()
        measured.append(_measure(content, name, of_file, _tree(folder, name), render))
    return measured


def _measure(
    content: bytes,
    name: str,
    expected: Mapping[str, Any] | None,
    tree: Tree,
    render: Callable[[Session], str],
) -> Measured:
    path = name.partition("/")[2] if expected else name
    text = content.decode("utf-8", "replace").removeprefix("\ufeff").replace("\r\n", "\n")
    session, has_day, printed = None, True, ""
    reported: Sequence[Problem] = ()
    try:
        source = read_document(content, path)
        try:
            made = import_document(source, render, ())
        except UsageError:
            has_day = False
            made = import_document(source, render, (), created=date(2026, 1, 1))
        reported = made.problems
        session = yaml.load(made.yaml, yaml.BaseLoader)
        printed = render(decode.load(made.yaml.encode(), made.id, "s.yaml")[0])
    except InvalidInput as error:
        reported = error.report.problems
    lost = [*(Counter(_words(text).split()) - Counter(_words(printed).split())).elements()]
    lost += [f"line {each.place.line}" for each in reported if each.level == "error"]
    return Measured(
        name=name,
        text=text,
        expected=expected,
        session=session,
        has_day=has_day,
        lost=tuple(lost),
        problems=handwritten_problems(DocumentContext.of(text, path, tree)),
    )


def _tree(folder: Path, name: str) -> Tree:
    """The files of the document's project: those listed in its `tree.txt`, and documents."""
    project = folder / name.partition("/")[0]
    listed = project / "tree.txt"
    if not listed.is_file():
        files = {each.relative_to(folder).as_posix() for each in folder.rglob("*.md")}
    else:
        files = {*listed.read_text("utf-8").split("\n")} - {""}
        files |= {each.relative_to(project).as_posix() for each in project.rglob("*.md")}
    folders = {parent.as_posix() for each in files for parent in Path(each).parents}
    return Tree((files | folders).__contains__, lambda: files)


def _fits(fault: tuple[int, str]) -> Callable[[tuple[int, str]], bool]:
    line, kind = fault

    def fits(report: tuple[int, str]) -> bool:
        is_near = kind == "complete" or abs(report[0] - line) <= NEAR.get(kind, 0)
        return report[1] == kind and is_near

    return fits


def _words(text: str) -> str:
    """The words of a text, in lower case between spaces."""
    words = re.findall(r"[^\W_]+", text.casefold())
    return f" {' '.join(words)} "


def _leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every text of a session with the keys above it; labels are texts too."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield path, str(key)
            yield from _leaves(each, (*path, str(key)))
    elif isinstance(value, list):
        for each in value:
            yield from _leaves(each, path)
    elif value:
        yield path, str(value)


def _named(found: Mapping[str, Any]) -> bool:
    return bool(found.get("session") or found.get("title"))


_ITEM = re.compile(r"(?m)^[ >]*(?:[-*+]|\d+[.)]) \[([ xX])\] ")
_FENCE = re.compile(r"(?ms)^ {0,3}(`{3,}|~{3,}).*?(?:^ {0,3}\1[`~]* *$|\Z)")


def _count_items(value: Any) -> tuple[int, int]:
    """Checklist items of a session that are open and done."""
    found = [*_items(value)]
    return found.count(False), found.count(True)


def _items(value: Any, key: str = "") -> Iterator[bool]:
    if isinstance(value, dict):
        for name, each in value.items():
            if key == "checklist":
                done = each.get("done") if isinstance(each, dict) else each
                yield done == "true"
            elif name != "markdown" and (key, name) != ("prompt", "text"):
                yield from _items(each, name)
            else:
                marks = _ITEM.findall(_FENCE.sub("", str(each)))
                yield from (mark != " " for mark in marks)
    elif isinstance(value, list):
        for each in value:
            if key == "checklist":
                yield False
            else:
                yield from _items(each)


def _body(text: str, title: str) -> str:
    """What is below the heading `title`, or below a line that is one by its look."""
    lines = text.split("\n")
    levels = {each.line: each.level for each in headings(parse_repaired(text))}
    named = [n for n, line in enumerate(lines, 1) if _bare_title(line) == title]
    start = next((n for n in named if n in levels), next(iter(named), len(lines)))
    if start in levels:
        ends = (n for n, level in levels.items() if n > start and level <= levels[start])
        return "\n".join(lines[start : next(ends, len(lines) + 1) - 1])
    for n in range(start + 1, len(lines)):
        is_label = re.match(r"(?:\*\*|[A-Z][\w ]+:$)", lines[n])
        if n + 1 in levels or (is_label and not lines[n - 1].strip()):
            return "\n".join(lines[start:n])
    return "\n".join(lines[start:])


_MARKER = re.compile(r"(?m)^ *(?:[-*+]|\d+[.)]) (?:\[[ xX]\] )?")


def _bare_title(line: str) -> str:
    return re.sub(r"^[#>\s]+|\s+#+$", "", line).strip()


# --- figures ---------------------------------------------------------------------------------


class Figure(Struct, frozen=True):
    """`part` of `whole`, as a line of the report."""

    name: str
    part: int
    whole: int

    @property
    def share(self) -> float:
        return self.part / self.whole if self.whole else 1.0

    def __str__(self) -> str:
        return f"{self.name:34} {self.part:>9,} of {self.whole:>9,}  {100 * self.share:6.1f} %"


def figures(documents: Sequence[Measured]) -> dict[str, Figure]:
    """The figures that need no expectations, then those of the documents that have them."""
    sizes = [each.typed_bytes for each in documents]
    total = sum(len(each.text.encode()) for each in documents)
    naming = [each for each in documents if NAMES_NEXT.search(each.text)]
    rows = [
        Figure("imported", sum(each.session is not None for each in documents), len(documents)),
        Figure("typed key", sum(bool(each.typed) for each in documents), len(documents)),
        Figure("bytes typed", sum(size for size, _ in sizes), total),
        Figure("bytes typed, not as Markdown", sum(size for _, size in sizes), total),
        Figure("without lost words", sum(not each.lost for each in documents), len(documents)),
        Figure("next, of lines that start so", _naming_found(naming), len(naming)),
        *_expected_figures([each for each in documents if each.expected is not None]),
    ]
    return {each.name: each for each in rows}


def _naming_found(documents: Iterable[Measured]) -> int:
    return sum(bool(each.typed.keys() & {"next", "actions"}) for each in documents)


def _expected_figures(documents: Sequence[Measured]) -> Iterator[Figure]:
    if not documents:
        return
    count = len(documents)
    prompts = sum(len(each._expected("prompts", ())) for each in documents)
    sections = sum(len(each._expected("sections", {})) for each in documents)
    following = [each for each in documents if each._expected("next", None) is not None]
    yield _all_but("prompts", (len(each.prompts_missed) for each in documents), prompts)
    yield _all_but(
        "next session", (bool(each.next_problem) for each in following), len(following)
    )
    yield _all_but("status", (bool(each.status_problem) for each in documents), count)
    yield _all_but("status not wrong", (each.has_wrong_status for each in documents), count)
    yield _all_but("day", (bool(each.day_problem) for each in documents), count)
    yield _all_but("checklist items", (bool(each.items_problem) for each in documents), count)
    yield _all_but("sections", (len(each.sections_missed) for each in documents), sections)
    for kind in sorted({kind for each in documents for _, kind in each.faults}):
        planted = [each for one in documents for each in one.faults if each[1] == kind]
        missed = (f": {kind} " in line for one in documents for line in one.faults_missed)
        yield _all_but(f"fault: {kind}", missed, len(planted))
    planted_count = sum(len(each.faults) for each in documents)
    yield _all_but("faults", (len(each.faults_missed) for each in documents), planted_count)
    reports = sum(len(each.reports) for each in documents)
    yield _all_but("reports that are true", (len(x.false_reports) for x in documents), reports)


def _all_but(name: str, missed: Iterable[int], whole: int) -> Figure:
    return Figure(name, whole - sum(missed), whole)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, default=FIELD)
    parser.add_argument("--each", action="store_true", help="print the keys of each document")
    parser.add_argument("--missed", action="store_true", help="print what was not recognised")
    parser.add_argument("--vary", type=int, metavar="SEED", help="measure variants")
    options = parser.parse_args()
    documents = measure_folder(options.folder, seed=options.vary)
    for each in documents:
        size, _ = each.typed_bytes
        if options.each:
            share = 100 * size / (len(each.text.encode()) or 1)
            print_line(f"{each.name}: {share:.0f} % typed: {', '.join(each.typed) or 'none'}")
        if options.missed:
            for line in each.missed():
                print_line(f"{each.name}: {line}")
    for figure in figures(documents).values():
        print_line(str(figure))
    codes = Counter(problem.code for each in documents for problem in each.problems)
    print_line(", ".join(f"{code} {n}" for code, n in sorted(codes.items())))


def print_line(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    main()
