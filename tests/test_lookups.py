"""Facts from logs, checkpoints and git: declared in a session, recorded, cited."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from msgspec.structs import replace

from handoff import api
from handoff.base.problems import InvalidInput, UsageError
from handoff.facts.recorded import Fact, Failure, QueryResult
from handoff.render.render import provenance
from handoff.session.facts import GIT_COLUMNS, ROW_KEYS, SOURCES, TRANSCRIPT_COLUMNS
from handoff.session.model import SourceFact
from handoff.sources.lookup import LookupResult, look_up
from handoff.sources.source import SourceContext, convert, timestamp
from handoff.sql.types import BadValue, type_of

FIXTURES = Path(__file__).parent / "fixtures" / "lookups"
AS_OF = datetime(2026, 1, 3, 16, 20, tzinfo=UTC)
NOW = datetime(2026, 1, 3, 16, 20, 31, tzinfo=UTC)
LATER = datetime(2026, 1, 9, tzinfo=UTC)
HEAD = "session: 1\ntitle: t\ncreated: 2026-01-03\nfacts:\n"


def write(root: Path, path: str, text: str) -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


# --- what is declared ----------------------------------------------------------------------

WRONG = (FIXTURES / "wrong.txt").read_text("utf-8").strip().split("\n\n")


@pytest.mark.parametrize("case", WRONG, ids=[case.splitlines()[0] for case in WRONG])
def test_every_error_is_reported_before_anything_is_read(case: str, tmp_path: Path) -> None:
    declaration, *expected = case.splitlines()
    root = tmp_path / "project"
    write(root, "sessions/s.yaml", f"{HEAD}  {declaration}\n")
    write(root, ".git/config", "n 1\n")
    write(tmp_path, "out.log", "n 1\n")
    (root / "out.log").symlink_to(tmp_path / "out.log")

    with pytest.raises(InvalidInput) as caught:
        api.load(api.open_project(str(root)), "s")

    told = str(caught.value).replace("sessions/s.yaml:", "  ")
    assert told.splitlines() == expected


def test_declaration_is_the_same_query_in_any_order(tmp_path: Path) -> None:
    one = "{git: HEAD, take: commits}"
    other = "{take: commits, 'git': HEAD, key: sha}"

    assert declared(tmp_path, one).sha256 == declared(tmp_path, other).sha256
    assert declared(tmp_path, one).sha256 != declared(tmp_path, "{git: HEAD~}").sha256


def declared(root: Path, declaration: str) -> SourceFact:
    write(root, "sessions/s.yaml", f"{HEAD}  a: {declaration}\n")
    (question,) = api.load(api.open_project(str(root)), "s").session.facts
    assert isinstance(question, SourceFact)
    return question


# --- what is answered ----------------------------------------------------------------------

CASES = yaml.safe_load((FIXTURES / "answers.yaml").read_text("utf-8"))


@pytest.mark.parametrize("case", CASES, ids=[case["says"] for case in CASES])
def test_results(case: dict[str, object], tmp_path: Path) -> None:
    for path, text in dict(case.get("files", {})).items():  # type: ignore[call-overload]
        write(tmp_path, path, text if isinstance(text, str) else json.dumps(text))
    lookup = declared(tmp_path, json.dumps(case["fact"]))

    looked = look_up(lookup, world(tmp_path, LATER if case.get("past") else NOW), AS_OF)

    assert shown(looked) == case["gives"]


CLOCKS = yaml.safe_load((FIXTURES / "clocks.yaml").read_text("utf-8"))


@pytest.mark.parametrize("case", CLOCKS, ids=[case["says"] for case in CLOCKS])
def test_results_where_clocks_change(case: dict[str, object], tmp_path: Path) -> None:
    write(tmp_path, "run.log", str(case.get("log", "")))
    write(tmp_path, "s.json", json.dumps(case.get("json")))
    defaults: dict[str, object] = {"zone": "America/New_York"}
    if "log" in case:
        pattern = r"^(?P<at>\S+ \S+) (?P<done>\d+)"
        defaults |= {"log": "run.log", "match": pattern}
        defaults |= {"columns": {"done": "INT64", "at": "TIMESTAMP"}}
    lookup = declared(tmp_path, json.dumps(defaults | dict(case["fact"])))  # type: ignore[call-overload]
    as_of = datetime.fromisoformat(str(case["as_of"]))
    now = datetime.fromisoformat(str(case.get("now", case["as_of"])))

    assert shown(look_up(lookup, world(tmp_path, now), as_of)) == case["gives"]


def world(root: Path, now: datetime) -> SourceContext:
    file = api.open_project(str(root)).source
    return SourceContext(root=root, file=file, zone=UTC, recent_minutes=60, now=now)


def shown(looked: LookupResult) -> object:
    """Rows without what is missing, or the failure."""
    if isinstance(looked.result, Failure):
        return f"{looked.result.message} (exit {looked.result.exit_code})"
    names = [column.name for column in looked.result.columns]
    rows = [dict(zip(names, row, strict=True)) for row in looked.result.rows]
    return [{k: plain(v) for k, v in row.items() if v is not None} for row in rows]


def plain(value: object) -> object:
    if isinstance(value, tuple):
        return [*value]
    return value.isoformat() if isinstance(value, datetime) else value


@pytest.mark.parametrize(
    ("text", "zone", "moment"),
    [
        ("2026-01-03T16:20:00Z", None, "2026-01-03T16:20:00+00:00"),
        ("2026-01-03 16:20:00 UTC", None, "2026-01-03T16:20:00+00:00"),
        ("2026-01-03 11:20:00,250", "America/New_York", "2026-01-03T16:20:00.250000+00:00"),
        ("2026/01/03 16:20", "UTC", "2026-01-03T16:20:00+00:00"),
        ("2026-01-03 11:20:00 -0500", "UTC", "2026-01-03T16:20:00+00:00"),
        ("2026-07-03 11:20", "America/New_York", "2026-07-03T15:20:00+00:00"),
        (1767457200, None, "2026-01-03T16:20:00+00:00"),
        ("1767457200.5", None, "2026-01-03T16:20:00.500000+00:00"),
    ],
)
def test_times_as_logs_write_them(text: object, zone: str | None, moment: str) -> None:
    found = timestamp(text, zone)

    assert found is not None
    assert found.isoformat() == moment


@pytest.mark.parametrize(
    ("raw", "type_", "message"),
    [
        ("2026-01-03 16:20", "TIMESTAMP", "has no time zone, set one with for example"),
        ("2026-13-03 16:20", "TIMESTAMP", "is not a time: month must be in 1..12"),
        (
            "2026-11-01 01:30",
            "TIMESTAMP",
            "'2026-11-01 01:30' occurs twice in America/New_York",
        ),
        ("2026-03-08 02:30", "TIMESTAMP", "'2026-03-08 02:30' does not exist in America/New"),
        ("yesterday", "TIMESTAMP", "is not a time, expected for example 2026-01-03T16:20:00Z"),
        ("0001-01-01 00:00:00+23:00", "TIMESTAMP", "is not a time: "),
        ("5 of 9", "INT64", "expected INT64, found '5 of 9'"),
        (5.5, "INT64", "expected INT64"),
        ([1], "STRING", "expected STRING"),
    ],
)
def test_values_are_never_guessed(raw: object, type_: str, message: str) -> None:
    with pytest.raises(BadValue) as caught:
        convert(raw, type_of(type_), "America/New_York" if "America" in message else None)

    assert message in str(caught.value)


# --- git -----------------------------------------------------------------------------------


def git(root: Path, *words: str, at: str = "2026-01-03T10:00:00Z") -> None:
    dates = {"GIT_AUTHOR_DATE": at, "GIT_COMMITTER_DATE": at, "GIT_CONFIG_GLOBAL": "/dev/null"}
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    env = {**os.environ, **dates}
    subprocess.run(
        ("git", *identity, *words), cwd=root, env=env, check=True, capture_output=True
    )


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q", "-b", "main")
    write(tmp_path, "kept.py", "one\n")
    write(tmp_path, "old.py", "".join(f"line {n}\n" for n in range(20)))
    git(tmp_path, "add", "kept.py", "old.py")
    git(tmp_path, "commit", "-q", "-m", "First", at="2026-01-01T10:00:00Z")
    git(tmp_path, "tag", "base")
    write(tmp_path, "kept.py", "two\n")
    write(tmp_path, "new `tick`.py", "n\n")
    git(tmp_path, "mv", "old.py", "moved.py")
    git(tmp_path, "add", "kept.py", "new `tick`.py")
    git(tmp_path, "commit", "-q", "-m", "Second | [TIME]")
    return tmp_path


def test_files_since_a_tag(repository: Path) -> None:
    looked = look_up(declared(repository, "{git: base}"), world(repository, NOW), AS_OF)

    assert looked.engine == "git"
    assert shown(looked) == [
        {"path": "kept.py", "change": "modified", "insertions": 1, "deletions": 1},
        {
            "path": "moved.py",
            "change": "renamed",
            "old_path": "old.py",
            "insertions": 0,
            "deletions": 0,
        },
        {"path": "new `tick`.py", "change": "added", "insertions": 1, "deletions": 0},
    ]


def test_commits_and_their_sum(repository: Path) -> None:
    def found(take: str) -> object:
        lookup = declared(repository, f"{{git: base, take: {take}}}")
        return shown(look_up(lookup, world(repository, NOW), AS_OF))

    (commit,) = found("commits")  # type: ignore[misc]
    (total,) = found("summary")  # type: ignore[misc]

    assert (commit["author"], commit["subject"]) == ("Ada", "Second | [TIME]")
    assert total.pop("base") != total.pop("head")
    assert total == {
        "commits": 1,
        "authors": ["Ada"],
        "files": 3,
        "added": 1,
        "modified": 1,
        "deleted": 0,
        "renamed": 1,
        "insertions": 2,
        "deletions": 1,
        "first_at": "2026-01-03T10:00:00+00:00",
        "last_at": "2026-01-03T10:00:00+00:00",
        "shallow": False,
    }


def test_past_is_what_was_committed_by_then(repository: Path) -> None:
    lookup = declared(repository, "{git: 2026-01-01, take: summary}")
    early = datetime(2026, 1, 2, tzinfo=UTC)

    (total,) = shown(look_up(lookup, world(repository, NOW), early))  # type: ignore[misc]

    assert (total["commits"], total["files"]) == (1, 2)


def test_too_many_rows_are_no_fact(repository: Path) -> None:
    for n in range(1001):
        write(repository, f"many/{n}.txt", "")
    git(repository, "add", "many")
    git(repository, "commit", "-q", "-m", "Many")

    looked = look_up(declared(repository, "{git: HEAD~}"), world(repository, NOW), AS_OF)

    assert shown(looked) == "1,001 rows, at most 1,000 are recorded (exit 1)"


def test_no_repository_is_a_failure(tmp_path: Path) -> None:
    looked = look_up(declared(tmp_path, "{git: HEAD}"), world(tmp_path, NOW), AS_OF)

    assert isinstance(looked.result, Failure)
    assert looked.result.message.startswith("this is not a git repository")


# --- what is recorded ----------------------------------------------------------------------

LOG = r"""
  run: {log: run.log, match: 'at (?P<at>\S+) day (?P<done>\d+)', columns: {done: INT64}}
goal: '{{ run.done }} days'
"""


def test_failure_keeps_the_last_result(tmp_path: Path) -> None:
    write(tmp_path, "sessions/s.yaml", HEAD + LOG.strip("\n"))
    write(tmp_path, "run.log", "at 2026-01-03T16:00:00Z day 5\n")
    project = api.open_project(str(tmp_path))
    loaded = api.load(project, "s")
    api.gather(project, loaded, as_of=AS_OF)
    write(tmp_path, "run.log", "nothing\n")

    facts = api.gather(project, loaded, as_of=AS_OF)

    fact = facts.facts["run"]
    assert fact.rows == ((5,),)
    assert fact.failure
    assert fact.failure.message == "run.log: no line matches up to 2026-01-03 16:20 UTC"
    assert "**Session Goal**: [TO BE FILLED]" in api.render(project, loaded, facts).text
    old = api.render(project, loaded, facts, stale_ok=True).text
    assert "5 (as of 2026-01-03 16:20 UTC, not answered since) days" in old


def test_another_declaration_is_another_query(tmp_path: Path) -> None:
    write(tmp_path, "sessions/s.yaml", HEAD + LOG.strip("\n"))
    write(tmp_path, "run.log", "at 2026-01-03T16:00:00Z day 5\n")
    project = api.open_project(str(tmp_path))
    api.gather(project, api.load(project, "s"), as_of=AS_OF)
    assert stale(tmp_path) == []

    write(tmp_path, "sessions/s.yaml", HEAD + LOG.strip("\n").replace(" day ", ".* day "))

    assert stale(tmp_path) == [
        "sessions/s.yaml:5:3: warning: fact 'run' is stale: "
        "its declaration changed; run 'handoff render s' (F021)"
    ]


def stale(root: Path) -> list[str]:
    report = api.check(api.open_project(str(root)), ["s"])
    return [str(problem) for problem in report.problems if problem.code == "F021"]


def test_missing_fact_is_reported_under_frozen(tmp_path: Path) -> None:
    write(tmp_path, "sessions/s.yaml", HEAD + LOG.strip("\n"))
    project = api.open_project(str(tmp_path))

    with pytest.raises(InvalidInput, match="fact 'run' is not recorded"):
        api.frozen(project, api.load(project, "s"))


def test_folder_outside_may_be_read_where_the_settings_say_so(tmp_path: Path) -> None:
    root = tmp_path / "project"
    write(tmp_path, "logs/run.log", "at 2026-01-03T16:00:00Z day 5\n")
    write(root, "handoff.yaml", "sources: [../logs]\n")
    write(root, "sessions/s.yaml", HEAD + LOG.strip("\n").replace("run.log", "../logs/run.log"))
    project = api.open_project(str(root))

    facts = api.gather(project, api.load(project, "s"), as_of=AS_OF)

    assert facts.facts["run"].rows == ((5,),)


def test_footer_names_what_was_looked_into(repository: Path) -> None:
    write(repository, "sessions/s.yaml", f"{HEAD}  work: {{git: base}}\n")
    project = api.open_project(str(repository))
    facts = api.gather(project, api.load(project, "s"), as_of=AS_OF)
    fact = facts.facts["work"]
    assert fact.provenance
    span = replace(fact.provenance, source="0123..4567 (shallow clone)")

    facts = replace(facts, facts={"work": replace(fact, provenance=span)})

    assert provenance(facts, stale_ok=False) == (
        "Live values from git `0123..4567 (shallow clone)`, as of 2026-01-03 16:20 UTC: work.",
    )


def test_results_have_the_shape_of_facts(tmp_path: Path) -> None:
    write(tmp_path, "run.log", "day 5\n")
    lookup = declared(
        tmp_path, r"{log: run.log, match: 'day (?P<done>\d+)', columns: {done: INT64}}"
    )

    looked = look_up(lookup, world(tmp_path, NOW), AS_OF)

    assert isinstance(looked.result, QueryResult)
    assert (looked.source, looked.engine) == ("run.log", "log")
    assert not isinstance(looked.result, Fact)


# --- what is rendered ----------------------------------------------------------------------

FILES = """
files: {files: work}
decisions: {files: work, change: [modified, renamed]}
findings: {files: work, change: deleted}
insights:
  What is new: {files: work, change: added}
  All: [Here are, {Files: {files: work}}]
"""


def test_files_stand_where_they_are_named(repository: Path) -> None:
    write(repository, "sessions/s.yaml", f"{HEAD}  work: {{git: base}}{FILES}")
    project = api.open_project(str(repository))
    loaded = api.load(project, "s")

    text = api.render(project, loaded, api.gather(project, loaded, as_of=AS_OF)).text

    assert after(text, "CREATED/MODIFIED") == (FIXTURES / "files.md").read_text("utf-8")
    assert "**Key Decisions Made**:\n- `kept.py`\n- `old.py` → `moved.py`\n" in text
    assert "**Critical Findings**:\nNone\n" in text
    assert "### What is new\n- ``new `tick`.py``\n" in text
    assert "- Here are\n- Files:\n  - New Files:\n    - ``new `tick`.py``\n" in text


def test_files_nobody_knows_are_blank(tmp_path: Path) -> None:
    write(tmp_path, "sessions/s.yaml", f"{HEAD}  work: {{git: base}}{FILES}")
    project = api.open_project(str(tmp_path))
    loaded = api.load(project, "s")

    document = api.render(project, loaded, api.gather(project, loaded, as_of=AS_OF))

    assert after(document.text, "CREATED/MODIFIED") == "[TO BE FILLED]\n"
    assert [each.text for each in document.blanks] == ["[TO BE FILLED]"] * 5


def after(text: str, heading: str) -> str:
    """The section beneath a heading."""
    return text.partition(f"{heading}\n")[2].partition("\n---\n")[0].strip("\n") + "\n"


SESSION = r"""
session: 9
title: Backfill
created: 2026-01-03
as_of: 2026-01-03T16:20:00Z
facts:
  orchestrator:
    sources:
      - log: logs/backfill.log
        match: '^(?P<at>\S+ \S+) .*Processing day (?P<done>[\d,]+)/(?P<total>[\d,]+)'
        zone: UTC
        set: {phase: Phase 1, unit: days}
      - {json: state.json, rows: phases, from: {phase: $key, at: $.at}}
    contract: phases
    key: phase
  work: {git: base}
  sums: {git: base, take: summary}
goal: '{{ orchestrator.phase_1.progress }} days, ETA {{ orchestrator.phase_1.eta }}'
orchestrator: {phases: orchestrator}
files: {files: work}
metrics:
  Commits: '{{ sums.commits }} by {{ sums.authors }}'
prompt: {context: ['Phase 2 has done {{ orchestrator.phase_2.done }}']}
"""
LINES = """
2026-01-03 15:19:00,100 INFO Processing day 237/1,537
2026-01-03 16:19:00,100 INFO Processing day 514/1,537
2026-01-03 16:29:00,100 INFO Processing day 614/1,537
"""


def test_session_without_a_warehouse_renders_the_same_twice(repository: Path) -> None:
    write(repository, "sessions/session-9.yaml", SESSION)
    write(repository, "logs/backfill.log", LINES)
    state = {"at": "2026-01-03T16:10:00Z", "phases": {"Phase 2": {"done": 3, "total": 9}}}
    write(repository, "state.json", json.dumps(state))

    first = handoff(repository, "render", "session-9", "--stdout")
    second = handoff(repository, "render", "session-9", "--stdout")
    frozen = handoff(repository, "render", "session-9", "--stdout", "--frozen")

    assert first == second == frozen
    assert without_shas(first) == (FIXTURES / "session-9.md").read_text("utf-8")
    assert handoff(repository, "check", "session-9") == ""


def test_unknown_engine_is_an_error_though_nothing_is_run(repository: Path) -> None:
    write(repository, "sessions/s.yaml", f"{HEAD}  work: {{git: base}}\n")
    project = api.open_project(str(repository))
    loaded = api.load(project, "s")

    assert api.gather(project, loaded, engine="bigquery", as_of=AS_OF).facts["work"].rows
    with pytest.raises(UsageError, match="unknown engine 'bigqery', did you mean 'bigquery'"):
        api.gather(project, loaded, engine="bigqery")


def handoff(root: Path, *words: str) -> str:
    done = subprocess.run(
        (sys.executable, "-c", "from handoff.commands import main; main()", *words),
        cwd=root,
        check=True,
        capture_output=True,
        encoding="utf-8",
    )
    return done.stdout


def without_shas(text: str) -> str:
    return re.sub(r"[0-9a-f]{12}\.\.[0-9a-f]{12}", "base..head", text)


# --- docs/sources.md -----------------------------------------------------------------------

DOCUMENT = (Path(__file__).parent.parent / "docs" / "sources.md").read_text("utf-8")
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```$", DOCUMENT, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_example_is_without_errors(example: str, tmp_path: Path) -> None:
    head = HEAD.removesuffix("facts:\n")
    write(tmp_path, "handoff.yaml", "sources: [~/.claude/projects]\n")
    write(tmp_path, "sessions/s.yaml", head + example)
    project = api.open_project(str(tmp_path))

    loaded = api.load(project, "s")

    assert loaded.warnings == ()
    assert api.render(project, loaded, None).text


def test_every_key_and_column_is_explained() -> None:
    keys = {key.name for kind in (*SOURCES.values(), ROW_KEYS) for key in kind}
    columns = {
        name for each in (*GIT_COLUMNS.values(), *TRANSCRIPT_COLUMNS.values()) for name in each
    }

    assert [name for name in sorted(keys | columns) if f"`{name}`" not in DOCUMENT] == []
