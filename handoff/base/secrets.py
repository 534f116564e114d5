"""Secrets: what must not get into a document, a fact or a prompt; named by rule, never shown.

The rules are in `secret_rules`. detect-secrets is imported only if a text contains a hint of
one of its rules: the import takes longer than rendering a document.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase
from functools import cache
from importlib import import_module
from itertools import count
from typing import Any

from msgspec import Struct

from handoff.base.problems import Place, Problem
from handoff.base.secret_rules import RULES, SecretRule


class Allowance(Struct, frozen=True):
    """One entry of `secrets.allow`: what may stand although it looks like a secret."""

    reason: str
    rule: str | None = None
    """`None`: every rule."""
    path: str | None = None
    """A glob over paths under the root, where `*` takes slashes too. `None`: every file."""
    text: str | None = None
    """What looks like a secret, or a text around it. `None`: whatever is found."""
    place: Place = Place("handoff.yaml")

    def permits(self, finding: SecretFinding, path: str) -> bool:
        return (
            self.rule in (None, finding.rule)
            and (self.path is None or fnmatchcase(path, self.path))
            and (self.text is None or finding.value in self.text)
        )


class SecretFinding(Struct, frozen=True):
    """Something that looks like a secret."""

    line: int
    """Counted from 1."""
    rule: str
    value: str
    """For allowances; never to be printed."""

    def __repr__(self) -> str:
        return f"SecretFinding(line={self.line}, rule={self.rule!r})"


class SecretScan(Struct, frozen=True):
    """What one text holds."""

    findings: tuple[SecretFinding, ...] = ()
    """Those that nothing allows, in the order of lines."""
    used: frozenset[Allowance] = frozenset()
    """The allowances that something needed."""

    @property
    def values(self) -> frozenset[str]:
        return frozenset(finding.value for finding in self.findings)


def scan(text: str, path: str, allowances: Iterable[Allowance] = ()) -> SecretScan:
    """What looks like a secret in `text`, of the file `path`, with the allowances followed."""
    findings: list[SecretFinding] = []
    used: set[Allowance] = set()
    for finding in _found(text):
        permitting = {each for each in allowances if each.permits(finding, path)}
        used |= permitting
        findings += [] if permitting else [finding]
    return SecretScan(tuple(findings), frozenset(used))


def problems(findings: Iterable[SecretFinding], path: str) -> tuple[Problem, ...]:
    """One for each line and rule."""
    found = (problem(each.rule, Place(path, each.line)) for each in findings)
    return tuple(dict.fromkeys(found))


def problem(rule: str, place: Place) -> Problem:
    """That `rule` fits there; what fits is not told."""
    message = f"looks like a secret ({rule}): take it out and revoke it, or {ALLOW_IT}"
    return Problem("K001", message, place)


ALLOW_IT = "allow it with a reason under 'secrets: allow:' of handoff.yaml"


def allow_in_output(allowances: Iterable[Allowance]) -> None:
    """Let what the settings of the project allow be printed: `masked` keeps it."""
    _printable[:] = allowances


_printable: list[Allowance] = []
_SHORT_TEXT = 10_000
_KEY_BODY = r"(?:[A-Za-z0-9+/=\s:,-]|\\[nr])*"
"""What follows the first line of a private key, also in JSON."""


def masked(text: str) -> str:
    """`text` for the terminal, with `***` for everything that looks like a secret.

    Allowances hold whatever their paths: which file a message quotes is not known here.
    """
    if len(text) < _SHORT_TEXT and not any(hint in text for hint in _all_hints()):
        return text  # without importing re2, which only pays for long texts
    for finding in scan(text, "").findings:
        if any(each.permits(finding, each.path or "") for each in _printable):
            continue
        value = re.escape(finding.value.rstrip("\\"))  # an escape of JSON is not of the secret
        rest = _KEY_BODY if finding.rule == "private-key" else ""
        text = re.sub(value + rest, "***", text)
    return text


def truncate(text: str, most: int) -> str:
    """`text`, or its beginning and an ellipsis, in at most `most` characters.

    A secret is masked before, as a part of it is not recognized any more.
    """
    text = masked(text) if len(text) > most else text
    return text if len(text) <= most else f"{text[: most - 1]}…"


def unused(allowances: Iterable[Allowance], used: Iterable[Allowance]) -> Iterator[Problem]:
    """A note for each allowance that nothing needs any more."""
    needed = frozenset(used)
    for each in allowances:
        if each not in needed:
            yield Problem("K003", "nothing needs this allowance", each.place, "note")


def _found(text: str) -> Iterator[SecretFinding]:
    """Everything that looks like a secret, allowed or not."""
    present = _hints_in(text)
    hinted = {
        name: found
        for name, rule in RULES.items()
        if (found := present.intersection(rule.hints))
    }
    if not hinted:
        return
    # rules that go by a name come last: they add nothing to what a token's own form shows
    hinted = dict(sorted(hinted.items(), key=lambda each: RULES[each[0]].accepts is not None))
    lines = text.split("\n")
    rules_at: dict[int, list[str]] = {}
    for name, hints in hinted.items():
        for number in _hinted_lines(hints, text):
            rules_at.setdefault(number, []).append(name)
    for number, names in sorted(rules_at.items()):
        line = lines[number - 1]
        longest = max(map(len, line.split()), default=0)
        tokens: list[str] = []
        for name in names:
            rule = RULES[name]
            if longest < rule.shortest or not _has_name(line, rule.names):
                continue
            for value in _values(name, line):
                is_part = any(each in value or value in each for each in tokens)
                if not (is_part and RULES[name].accepts):
                    tokens.append(value)
                    yield SecretFinding(number, name, value)


def _has_name(line: str, names: tuple[str, ...]) -> bool:
    """Whether one of `names` is before a `:` or `=`; `True` for a rule without names."""
    before = line.casefold().replace("=", ":").split(":")[:-1] if names else ()
    return not names or any(each.rstrip().rstrip("\"'").endswith(names) for each in before)


_MANY = 20
"""Texts from which on importing re2 pays (8 ms): it finds all hints in 10 µs, not in 1 ms."""
_scans = count()


def _hints_in(text: str) -> frozenset[str]:
    if next(_scans) < _MANY:
        return frozenset(hint for hint in _all_hints() if hint in text)
    found = _hint_set().Match(text.encode("utf-8", "replace")) or ()
    return frozenset(_all_hints()[index] for index in found)


@cache
def _all_hints() -> tuple[str, ...]:
    return tuple(dict.fromkeys(hint for rule in RULES.values() for hint in rule.hints))


@cache
def _hint_set() -> Any:
    import re2

    found = re2.Set.SearchSet()
    for hint in _all_hints():
        found.Add(re2.escape(hint))
    found.Compile()
    return found


def _hinted_lines(hints: Iterable[str], text: str) -> set[int]:
    """The numbers of the lines with a hint; a search over the text, as few lines have one."""
    found: set[int] = set()
    for hint in hints:
        line, start, at = 1, 0, text.find(hint)
        while at >= 0:
            line += text.count("\n", start, at)
            found.add(line)
            start, end = at, text.find("\n", at)
            at = text.find(hint, end) if end >= 0 else -1
    return found


_PIECE, _OVERLAP = 4_000, 2_000


def _values(name: str, line: str) -> Iterator[str]:
    """Each once; a long line in pieces, for some detectors' time grows with its square."""
    pieces = (line[at : at + _PIECE] for at in range(0, max(1, len(line) - _OVERLAP), _OVERLAP))
    found = _finder(name)
    yield from dict.fromkeys(value for piece in pieces for value in found(piece))


@cache
def _finder(name: str) -> Callable[[str], Iterable[str]]:
    rule = RULES[name]
    return _detector(rule.detector) if rule.detector else _pattern(rule)


def _detector(path: str) -> Callable[[str], Iterable[str]]:
    module, _, kind = path.partition(".")
    # slow: imports requests; only a text with a hint needs it
    plugin = getattr(import_module(f"detect_secrets.plugins.{module}"), kind)()

    def found(text: str) -> Iterator[str]:
        for pattern in plugin.denylist:
            for match in pattern.finditer(text):
                # the detector itself may give a part, `ghp`, or reject it, as no valid JWT
                if any(plugin.analyze_string(match[0])):
                    yield match[0]

    return found


def _pattern(rule: SecretRule) -> Callable[[str], Iterable[str]]:
    compiled = re.compile(rule.pattern)
    accepts = rule.accepts or bool

    def found(text: str) -> Iterator[str]:
        values = (match[match.lastindex or 0] for match in compiled.finditer(text))
        return filter(accepts, values)

    return found
