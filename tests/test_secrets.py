"""Secrets are found by rule and line, hashes are not, and no value is ever told."""

from __future__ import annotations

import base64
import hashlib
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from handoff.base import secrets
from handoff.base.problems import Place, Problem, Report
from handoff.base.report import FORMATS
from handoff.base.secret_rules import RULES
from handoff.base.secrets import Allowance, SecretFinding, problems, scan, unused

ROOT = Path(__file__).parent.parent
FIXTURES = Path(__file__).parent / "fixtures/secrets"
FOUND: dict[str, list[list[str]]] = yaml.load(
    (FIXTURES / "found.yaml").read_text("utf-8"), yaml.BaseLoader
)
CASES = [(rule, "".join(parts)) for rule, texts in FOUND.items() for parts in texts]
TOKEN = "gh" + "p_" + "abcdefghijklmnopqrstuvwxyz0123456789"


def rules(text: str) -> set[str]:
    return {finding.rule for finding in scan(text, "a.md").findings}


@pytest.mark.parametrize(("rule", "text"), CASES, ids=[rule for rule, _ in CASES])
def test_secret_is_found_by_its_rule(rule: str, text: str) -> None:
    assert rule in rules(text)
    assert rule in rules(f"# Heading\n\n- **Key**: `{text}` and more\n")


def test_every_rule_has_a_case() -> None:
    assert set(FOUND) == set(RULES)


def test_every_rule_is_documented() -> None:
    page = (ROOT / "docs/secrets.md").read_text("utf-8").partition("## Allow")[0]
    rows = re.findall(r"^\| (`.*?`) \|", page, re.MULTILINE)

    assert sorted(re.findall("`(.*?)`", " ".join(rows))) == sorted(RULES)


@pytest.mark.parametrize("line", (FIXTURES / "harmless.txt").read_text("utf-8").splitlines())
def test_hashes_slugs_and_placeholders_are_no_secrets(line: str) -> None:
    assert rules(line) == set()


OWN = ("docs", "sessions", "sql", "templates", "tests/golden")


CONTEXTS = (
    '"sha256": "{}",',
    '"digest": "sha256:{}"',
    "token: {}",
    "key = '{}'",
    "aws_key: '{}'",
    "at commit {} of main, see https://example.org/c/{}#L1",
    "<!-- handoff: session-1 sha256:{} -->",
    "| job | {} |",
)


@given(st.binary(), st.sampled_from(("sha1", "sha256", "sha512", "md5")))
def test_no_digest_is_a_secret(content: bytes, name: str) -> None:
    digest = hashlib.new(name, content, usedforsecurity=False)
    spelled = [digest.hexdigest(), digest.hexdigest()[:12], digest.hexdigest().upper()]
    spelled.append(base64.b64encode(digest.digest()).decode())
    lines = [context.replace("{}", each) for context in CONTEXTS for each in spelled]

    assert [each for each in lines if rules(each)] == aws_secrets(lines)


def aws_secrets(lines: list[str]) -> list[str]:
    """40 characters quoted beside `aws_key` are a secret key's own form."""
    return [each for each in lines if re.search(r"aws_key: '[0-9A-Za-z/+]{40}'", each)]


def test_the_projects_own_documents_facts_and_questions_hold_none() -> None:
    files = [path for folder in OWN for path in (ROOT / folder).rglob("*.*")]
    texts = {path: path.read_text("utf-8", "replace") for path in files if path.is_file()}

    found = {path: rules(text) for path, text in texts.items()}

    assert len(found) > 30
    assert {path: names for path, names in found.items() if names} == {}


def test_finding_names_line_and_rule_but_never_the_secret() -> None:
    found = problems(scan(f"one\n{TOKEN} {TOKEN}\n", "a.md").findings, "a.md")

    assert found == (
        Problem(
            "K001",
            "looks like a secret (github-token): take it out and revoke it, or allow it with a "
            "reason under 'secrets: allow:' of handoff.yaml",
            Place("a.md", 2),
        ),
    )


@pytest.mark.parametrize("text", [text for _, text in CASES])
def test_no_format_shows_the_secret(text: str) -> None:
    found = scan(f"\n{text}\n", "a.md").findings

    shown = [write(Report.of(problems(found, "a.md"))) for write in FORMATS.values()]
    shown.append(repr(found))

    assert not [each for each in shown for finding in found if finding.value in each]


ALLOWED = [
    Allowance("made up", rule="github-token"),
    Allowance("made up", path="docs/*"),
    Allowance("made up", text=TOKEN),
    Allowance("made up", text=f"token: {TOKEN}"),
    Allowance("made up", rule="github-token", path="docs/*.md", text=TOKEN),
]
NOT_ALLOWED = [
    Allowance("made up", rule="private-key"),
    Allowance("made up", path="doc/*"),
    Allowance("made up", text=TOKEN[:-1]),
    Allowance("made up", rule="github-token", path="sql/*"),
    Allowance("made up", text=""),
]


@pytest.mark.parametrize("allowance", ALLOWED)
def test_allowance_lets_a_secret_stand(allowance: Allowance) -> None:
    found = scan(f"token: {TOKEN}", "docs/x/a.md", [allowance])

    assert (found.findings, found.used) == ((), {allowance})


@pytest.mark.parametrize("allowance", NOT_ALLOWED)
def test_allowance_for_something_else_does_not(allowance: Allowance) -> None:
    found = scan(f"token: {TOKEN}", "docs/x/a.md", [allowance])

    assert (found.findings, found.used) == ((SecretFinding(1, "github-token", TOKEN),), set())


def test_allowance_that_nothing_needs_is_noted() -> None:
    needed = Allowance("why", rule="private-key", place=Place("handoff.yaml", 3, 7))
    idle = Allowance("why", path="docs/*", place=Place("handoff.yaml", 4, 7))

    assert list(unused([needed, idle], [needed])) == [
        Problem("K003", "nothing needs this allowance", Place("handoff.yaml", 4, 7), "note")
    ]


@pytest.mark.parametrize(
    "evil",
    [
        "eyJ",
        "sk-",
        "://:",
        "xoxb-1-",
        "Bearer a",
        "password=1",
        "//:_authToken=",
        "aws key ",
        "a1",
    ],
)
def test_time_does_not_grow_with_the_square_of_a_line(evil: str) -> None:
    hints = "T3BlbkFJ ://"
    started = time.process_time()

    scan(hints + evil * (200_000 // len(evil)), "a.md")

    assert time.process_time() - started < 10  # minutes, where it does


def test_secret_far_into_a_long_line_is_found_once() -> None:
    line = "x " * 100_000 + TOKEN + " y" * 100_000

    assert scan(line, "a.md").findings == (SecretFinding(1, "github-token", TOKEN),)


def test_a_text_without_a_hint_imports_nothing() -> None:
    code = (
        "import sys\nfrom handoff.base.secrets import scan\n"
        "from pathlib import Path\n"
        f"scan(Path({str(ROOT / 'docs/checks.md')!r}).read_text('utf-8'), 'a.md')\n"
        "print('detect_secrets' in sys.modules)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)

    assert done.stdout == b"False\n"


def test_many_texts_are_searched_for_the_hints_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"a {hint} b" for rule in RULES.values() for hint in rule.hints]
    texts += ["", "nothing", "é \U0001f600 \ud800 AKIA"]
    monkeypatch.setattr(secrets, "_MANY", sys.maxsize)
    few = [secrets._hints_in(text) for text in texts]
    monkeypatch.setattr(secrets, "_MANY", 0)
    assert [secrets._hints_in(text) for text in texts] == few
