"""The check before every write: a text that looks like a secret is refused."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from msgspec import Struct

from handoff.base.patterns import lazy_pattern
from handoff.base.problems import InvalidInput, Place, Problem
from handoff.base.secrets import (
    ALLOW_IT,
    Allowance,
    SecretFinding,
    SecretScan,
    problem,
    problems,
    scan,
    unused,
)
from handoff.facts.recorded import Fact, Facts, dump
from handoff.project.project import Project


def file_problems(project: Project, path: str) -> tuple[Problem, ...]:
    """A problem for each line of the file that looks like a secret. Raises WorldError."""
    return problems(_file(project, path).findings, path)


def text_problems(project: Project, text: str, path: str) -> tuple[Problem, ...]:
    """A problem for each line of `text`, of the file `path`, that looks like a secret."""
    return problems(scan(text, path, project.settings.secrets_allow).findings, path)


def facts_problems(project: Project, facts: Facts, path: str) -> tuple[Problem, ...]:
    """A problem for each cell, or line of the facts file `path`, that looks like a secret."""
    text = dump(facts)
    return _in_facts(scan(text, path, project.settings.secrets_allow), facts, text, path)


def document_problems(
    project: Project, text: str, path: str, source: str
) -> tuple[Problem, ...]:
    """A problem for each secret in a document, at its line in the file `source`.

    A secret that is not in that file, but for example in a template, is reported at the
    document's line.
    """
    found = scan(text, path, project.settings.secrets_allow)
    if not found.findings:
        return ()
    origin = _file(project, source)
    return (*problems(origin.findings, source), *_only_in(found, origin, path))


def hold(found: Iterable[Problem]) -> None:
    """Raises InvalidInput if there is a problem."""
    if every := tuple(found):
        raise InvalidInput(every)


class SessionTexts(Struct, frozen=True):
    """What is written by and for one session."""

    source: bytes
    """Its YAML."""
    path: str
    facts: Facts | None
    facts_path: str
    document: str | None
    document_path: str


class ProjectScan:
    """The scan of every text of one run, one session at a time."""

    def __init__(self, allowances: Iterable[Allowance]) -> None:
        self._allowances = tuple(allowances)
        self.used: set[Allowance] = set()

    def file(self, text: str, path: str) -> tuple[Problem, ...]:
        """A problem for each line of a file that looks like a secret."""
        return problems(self._scan(text, path).findings, path)

    def session(self, texts: SessionTexts) -> tuple[Problem, ...]:
        """The problems of a session file, its facts and its document."""
        origin = self._scan(texts.source.decode("utf-8", "replace"), texts.path)
        written = dump(texts.facts) if texts.facts else ""
        facts = self._scan(written, texts.facts_path)
        document = self._scan(texts.document or "", texts.document_path)
        return (
            *problems(origin.findings, texts.path),
            *_in_facts(facts, texts.facts, written, texts.facts_path),
            *_only_in(document, origin, texts.document_path),
        )

    def unused(self) -> tuple[Problem, ...]:
        """A note for each allowance that no text needed."""
        return tuple(unused(self._allowances, self.used))

    def _scan(self, text: str, path: str) -> SecretScan:
        found = scan(text, path, self._allowances)
        self.used |= found.used
        return found


# --- places of the problems --------------------------------------------------------------


def _file(project: Project, path: str) -> SecretScan:
    source = project.read(path) or b""
    return scan(source.decode("utf-8", "replace"), path, project.settings.secrets_allow)


def _only_in(document: SecretScan, origin: SecretScan, path: str) -> tuple[Problem, ...]:
    """Those of a document that are not in its session file."""
    own = (each for each in document.findings if each.value not in origin.values)
    return problems(own, path)


_FACT = lazy_pattern(r'^ {4}"(\w+)": \{$', re.MULTILINE)


def _in_facts(
    found: SecretScan, facts: Facts | None, text: str, path: str
) -> tuple[Problem, ...]:
    """With the column of a cell, so that the session can redact it."""
    told = (_in_fact(each, facts or Facts(None, {}), text, path) for each in found.findings)
    return tuple(dict.fromkeys(told))


def _in_fact(finding: SecretFinding, facts: Facts, text: str, path: str) -> Problem:
    above = "\n".join(text.split("\n")[: finding.line])
    name = (_FACT.findall(above) or [""])[-1]
    fact = facts.facts.get(name)
    column = next(_columns(fact, finding), None) if fact else None
    place = Place(path, finding.line)
    if column is None:
        return problem(finding.rule, place)
    message = (
        f"fact '{name}', column '{column}': looks like a secret ({finding.rule}): name the "
        f"column in the fact's 'redact:', or {ALLOW_IT}"
    )
    return Problem("K002", message, place)


def _columns(fact: Fact, finding: SecretFinding) -> Iterator[str]:
    for row in fact.rows:
        for column, value in zip(fact.columns, row, strict=True):
            if finding.rule in {each.rule for each in scan(str(value), "").findings}:
                yield column.name
