"""Secrets: what must not get into a document, a fact or a prompt; named by rule, never shown.

Rules with a `detector` are those of detect-secrets, without the ones that take digests, hashes
and slugs for secrets (entropy, keywords, `AP...`, `digits:token`). The library is imported only
where one of a rule's hints stands in the text: that takes longer than rendering a document.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase
from functools import cache
from importlib import import_module

from msgspec import Struct

from handoff.base.problems import Place, Problem


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


def unused(allowances: Iterable[Allowance], used: Iterable[Allowance]) -> Iterator[Problem]:
    """A note for each allowance that nothing needs any more."""
    needed = frozenset(used)
    for each in allowances:
        if each not in needed:
            yield Problem("K003", "nothing needs this allowance", each.place, "note")


# --- the rules ---------------------------------------------------------------------------


class SecretRule(Struct, frozen=True):
    """What one kind of secret looks like."""

    hints: tuple[str, ...]
    """One of them stands in every text that the rule finds something in."""
    pattern: str = ""
    """Whose last group that matched is the secret; the whole match without a group."""
    detector: str = ""
    """`module.Class` under `detect_secrets.plugins`, in place of a pattern."""


# Repetitions are bounded: a value from a warehouse must not make a search slow.
_PASSWORD = r"(?!(?:pass|password|passwd|pwd|secret|token|example|redacted|hidden|user|x+)\W)"
RULES: dict[str, SecretRule] = {
    "aws-access-key": SecretRule(
        (
            *("AKIA", "ASIA", "ABIA", "ACCA", "A3T", "aws_", "AWS_", "aws-", "AWS-"),
            *("awsS", "awsA", "aws s", "AWS s", "AWS S", "aws k", "AWS k", "AWS K"),
        ),
        detector="aws.AWSKeyDetector",
    ),
    "azure-storage-key": SecretRule(
        ("AccountKey=",), detector="azure_storage_key.AzureStorageKeyDetector"
    ),
    "github-token": SecretRule(
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), detector="github_token.GitHubTokenDetector"
    ),
    "gitlab-token": SecretRule(
        (
            *("glpat-", "gldt-", "glft-", "glsoat-", "glrt-", "GR1348941", "glcbt-"),
            *("glimt-", "glptt-", "glagent-", "gloas-"),
        ),
        detector="gitlab_token.GitLabTokenDetector",
    ),
    "json-web-token": SecretRule(("eyJ",), detector="jwt.JwtTokenDetector"),
    "mailchimp-key": SecretRule(
        tuple(f"-us{n}" for n in range(1, 10)), detector="mailchimp.MailchimpDetector"
    ),
    "npm-token": SecretRule((":_authToken=",), detector="npm.NpmDetector"),
    "private-key": SecretRule(
        ("PRIVATE KEY", "PuTTY-User-Key"), detector="private_key.PrivateKeyDetector"
    ),
    "pypi-token": SecretRule(("pypi-Ag",), detector="pypi_token.PypiTokenDetector"),
    "sendgrid-key": SecretRule(("SG.",), detector="sendgrid.SendGridDetector"),
    "slack-token": SecretRule(("xox", "hooks.slack.com"), detector="slack.SlackDetector"),
    "square-secret": SecretRule(("sq0csp-",), detector="square_oauth.SquareOAuthDetector"),
    "stripe-key": SecretRule(("k_live_",), detector="stripe.StripeDetector"),
    "bearer-token": SecretRule(
        ("earer", "EARER", "uthorization", "UTHORIZATION"),
        r"(?i:\bbearer\s{1,3}|\bauthorization\b[\s\"'\\:=]{1,8}(?:basic|token)\s{1,3})"
        r"(?=[A-Za-z._~+/=-]{0,100}[0-9])([A-Za-z0-9._~+/=-]{16,})",
    ),
    "connection-string": SecretRule(
        ("://",),
        rf"[A-Za-z]://[^\s/:@\"'<>]{{0,100}}:{_PASSWORD}([^\s/:@\"'<>{{}}$*]{{1,200}})@",
    ),
    "password": SecretRule(
        ("assword=", "ASSWORD=", "pwd=", "Pwd=", "PWD="),
        # a digit, or else `password=config_password` in code would be one
        rf"(?i:password|pwd)=\\?[\"']?{_PASSWORD}"
        r"(?=[^\s\d]{0,100}\d)([^\s;,&\"'\\(){}\[\]<>$*]{6,200})(?=[\s;,&\"'\\)]|$)",
    ),
    "google-service-account": SecretRule(
        ("private_key_id",), r"private_key_id[\s\"'\\:=]{1,8}([0-9a-f]{40})\b"
    ),
    "google-api-key": SecretRule(("AIza",), r"AIza[0-9A-Za-z_-]{35}"),
    "google-oauth-token": SecretRule(
        ("ya29.", "GOCSPX-", "1//0"),
        r"ya29\.[0-9A-Za-z_-]{20,}|GOCSPX-[0-9A-Za-z_-]{28}|\b1//0[0-9A-Za-z_-]{40,}",
    ),
    "github-fine-grained-token": SecretRule(("github_pat_",), r"github_pat_[0-9A-Za-z_]{36,}"),
    "llm-key": SecretRule(
        ("sk-ant-", "sk-proj-", "T3BlbkFJ"),
        r"\bsk-ant-[0-9A-Za-z_-]{32,}|\bsk-proj-[0-9A-Za-z_-]{40,}"
        r"|\bsk-[A-Za-z0-9_-]{20,80}?T3BlbkFJ[A-Za-z0-9]{20}",
    ),
}
"""By the name that findings and allowances use."""


def _found(text: str) -> Iterator[SecretFinding]:
    """Everything that looks like a secret, allowed or not."""
    hinted = {name: rule.hints for name, rule in RULES.items() if _is_hinted(rule.hints, text)}
    if not hinted:
        return
    for number, line in enumerate(text.split("\n"), 1):
        for name, hints in hinted.items():
            if _is_hinted(hints, line):
                yield from (SecretFinding(number, name, value) for value in _values(name, line))


def _is_hinted(hints: tuple[str, ...], text: str) -> bool:
    return any(hint in text for hint in hints)


_PIECE, _OVERLAP = 4_000, 2_000


def _values(name: str, line: str) -> Iterator[str]:
    """Each once; a long line in pieces, for some detectors' time grows with its square."""
    pieces = (line[at : at + _PIECE] for at in range(0, max(1, len(line) - _OVERLAP), _OVERLAP))
    found = _finder(name)
    yield from dict.fromkeys(value for piece in pieces for value in found(piece))


@cache
def _finder(name: str) -> Callable[[str], Iterable[str]]:
    rule = RULES[name]
    return _detector(rule.detector) if rule.detector else _pattern(rule.pattern)


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


def _pattern(pattern: str) -> Callable[[str], Iterable[str]]:
    compiled = re.compile(pattern)
    return lambda text: (match[match.lastindex or 0] for match in compiled.finditer(text))
