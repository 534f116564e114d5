"""The GitHub action, with its steps run as on a runner, and the pre-commit hooks."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from handoff import api
from handoff.base.problems import Refused
from handoff.commands.runner import run


@pytest.mark.parametrize(
    ("value", "is_read"), [("", True), ("on", True), ("off", False), (" OFF ", False)]
)
def test_folders_outside_the_repository_can_be_disabled(
    tmp_path: Path, value: str, is_read: bool
) -> None:
    for folder in ("root", "logs"):
        (tmp_path / folder).mkdir()
    (tmp_path / "logs/a.log").write_text("1\n")
    (tmp_path / "root/handoff.yaml").write_text(f"sources: [{tmp_path}/logs]\n")
    settings = [f"sources=[{tmp_path}/logs]"]

    project = api.open_project(
        str(tmp_path / "root"), settings=settings, environment={"HANDOFF_SOURCES": value}
    )

    if is_read:
        assert project.source("../logs/a.log") == tmp_path / "logs/a.log"
    else:
        with pytest.raises(Refused, match="leads outside the repository"):
            project.source("../logs/a.log")


# --- the action --------------------------------------------------------------------------

ROOT = Path(__file__).parent.parent
ACTION = yaml.load((ROOT / "action.yml").read_text("utf-8"), yaml.BaseLoader)
SESSION = """\
session: 1
title: One
created: 2026-01-03
facts: {counts: {sql: q/counts.sql}}
metrics: "{{ counts.n }} games"
"""
THIS = f"env PYTHONPATH={shlex.quote(str(ROOT))} {shlex.quote(sys.executable)} -P"
"""This Python with this package, whatever is installed; `-I` would ignore PYTHONPATH."""
PYTHON = f"""\
#!/bin/sh
# A stand-in for the Python of setup-python, without a slow install.
test "$1 $2 $3" = "-I -m venv" || exit 64
mkdir -p "$4/bin"
cat >"$4/bin/python" <<'END'
#!/bin/sh
test "$1" = -I || exit 64
test "$2 $3" != "-m pip" || {{ echo "$@" >>"$0.log"; exit 0; }}
shift
exec {THIS} "$@"
END
cat >"$4/bin/handoff" <<'END'
#!/bin/sh
exec {THIS} -c 'from handoff.commands import main; main()' "$@"
END
chmod +x "$4"/bin/*
"""


@dataclass
class Job:
    """A run of the action in a checkout of a repository."""

    workspace: Path
    temp: Path
    event: str = "push"
    branch: str = "main"
    inputs: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    outcomes: dict[str, str] = field(default_factory=dict)
    used: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    out: str = ""
    summary: str = ""

    def run(self) -> Job:
        """Run every step whose condition holds."""
        for step in ACTION["runs"]["steps"]:
            if self._wants(step.get("if", "success()")):
                self._run(step)
        return self

    @property
    def failed(self) -> list[str]:
        return [step for step, outcome in self.outcomes.items() if outcome == "failure"]

    @property
    def commands(self) -> list[str]:
        """The workflow commands that a runner executes."""
        found, until = [], ""
        for line in map(str.strip, self.out.splitlines()):
            if until:
                until = "" if line == f"::{until}::" else until
            elif line.startswith("::stop-commands::"):
                until = line.removeprefix("::stop-commands::")
            elif line.startswith("::") or "##[" in line:
                found.append(line)
        return found

    def _wants(self, condition: str) -> bool:
        condition = condition.removeprefix("${{ ").removesuffix(" }}")
        parts = condition.split(" && ")
        own = ("!cancelled()", "success()")
        success = any(part == "!cancelled()" for part in parts) or not self.failed
        return success and all(self._holds(part) for part in parts if part not in own)

    def _holds(self, part: str) -> bool:
        value, word = re.fullmatch(r"(\S+) == '(\w+)'", part).groups()
        return self._value(value) == word

    def _value(self, name: str) -> str:
        known = {"github.event.repository.default_branch": "main"}
        match name.split("."):
            case "inputs", key:
                return self.inputs.get(key, ACTION["inputs"][key]["default"])
            case "steps", step, "outputs", key:
                return self.outputs.get(step, {}).get(key, "")
            case "steps", step, "outcome":
                return self.outcomes.get(step, "skipped")
        return known[name]

    def _filled(self, text: str) -> str:
        return re.sub(r"\$\{\{ (\S+) \}\}", lambda match: self._value(match[1]), text)

    def _run(self, step: dict[str, Any]) -> None:
        if "uses" in step:
            given = {key: self._filled(value) for key, value in step["with"].items()}
            self.used.append((step["uses"].partition("@")[0], given))
            return
        assert "${{" not in step["run"], "inputs are data"
        script = self.temp / "script.sh"
        script.write_text(step["run"])
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", script],
            cwd=self.workspace,
            env={**self._environment(), **{k: self._filled(v) for k, v in _env(step).items()}},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )
        self.out += done.stdout
        self.outcomes[step["id"]] = "failure" if done.returncode else "success"
        self.outputs[step["id"]] = _outputs((self.temp / "output").read_text("utf-8"))
        self.summary += (self.temp / "summary").read_text("utf-8")

    def _environment(self) -> dict[str, str]:
        for name in ("output", "summary"):
            (self.temp / name).write_text("")
        return {
            "PATH": f"{self.temp}:{os.environ['PATH']}",
            "HOME": str(self.temp),
            "XDG_CACHE_HOME": os.environ["XDG_CACHE_HOME"],
            "RUNNER_TEMP": str(self.temp),
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_WORKSPACE": str(self.workspace),
            "GITHUB_EVENT_NAME": self.event,
            "GITHUB_REF": f"refs/heads/{self.branch}",
            "GITHUB_REF_NAME": self.branch,
            "GITHUB_OUTPUT": str(self.temp / "output"),
            "GITHUB_STEP_SUMMARY": str(self.temp / "summary"),
        }


def _env(step: dict[str, Any]) -> dict[str, str]:
    env: dict[str, str] = step.get("env", {})
    return env


def _outputs(text: str) -> dict[str, str]:
    return dict(re.findall(r"^(\w+)<<(?:\w+)\n(.*?)\n\w{32}$", text, re.MULTILINE | re.DOTALL))


def git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=me", "-c", "user.email=me@example.org")
    command = ["git", "-C", str(folder), *who, *words]
    done = subprocess.run(command, check=True, capture_output=True, encoding="utf-8")
    return done.stdout.strip()


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """On the default branch of a repository with one session and one query."""
    origin, workspace, temp = (tmp_path / name for name in ("origin", "work", "temp"))
    for folder in (origin, temp):
        folder.mkdir()
    git(origin, "init", "--quiet", "--bare", "--initial-branch=main")
    git(tmp_path, "clone", "--quiet", str(origin), str(workspace))
    git(workspace, "checkout", "--quiet", "-B", "main")
    for folder in ("sessions", "sql/q", "sql/sample"):
        (workspace / folder).mkdir(parents=True)
    (workspace / "handoff.yaml").write_text("engine: duckdb\n")
    (workspace / "sessions/one.yaml").write_text(SESSION)
    (workspace / "sql/sample/01.sql").write_text("CREATE SCHEMA s;\n")
    counts = "-- How many there are.\n-- returns: n INT64\nSELECT 12 AS n\n"
    (workspace / "sql/q/counts.sql").write_text(counts)
    commit(workspace)
    (temp / "python").write_text(PYTHON)
    (temp / "python").chmod(0o755)
    # left behind by google-github-actions/auth
    (workspace / "gha-creds-0123.json").write_text("{}\n")
    return Job(workspace, temp)


def commit(workspace: Path) -> None:
    git(workspace, "add", "--all", "--", ":!gha-creds-*")
    git(workspace, "commit", "--quiet", "--message=work")
    git(workspace, "push", "--quiet", "origin", "HEAD:main")


DOCUMENT = "docs/09-handoff/2026-01-03-SESSION-1-ONE.md"
WRITTEN = [
    DOCUMENT,
    "docs/09-handoff/LATEST.md",
    "docs/09-handoff/README.md",
    "sessions/one.facts.json",
]


def pushed(job: Job) -> list[str]:
    """The files of the last commit of the origin."""
    git(job.workspace, "fetch", "--quiet", "origin")
    return git(job.workspace, "show", "--format=", "--name-only", "origin/main").split()


def test_push_to_the_default_branch_runs_queries_publishes_and_commits(job: Job) -> None:
    job.inputs = {"deliver": "commit", "render": "one"}

    job.run()

    assert job.failed == []
    assert [each for each in job.commands if each.startswith("::error")] == []
    assert job.outputs["mode"] == {"mode": "publish"}
    assert job.outputs["publish"] == {"documents": "docs/09-handoff"}
    assert pushed(job) == WRITTEN
    assert "12 games" in (job.workspace / DOCUMENT).read_text()
    assert job.summary == (
        "## Handoffs\n\nChecked: 2 warnings, 1 note.\n\n"
        "| Session | Created | Status | Blanks | State |\n|---|---|---|--:|---|\n"
        "| one: One | 2026-01-03 | no checklist | 0 | handed over |\n"
    )


def test_nothing_new_makes_no_commit(job: Job) -> None:
    job.inputs = {"deliver": "commit"}
    job.run()
    before = git(job.workspace, "rev-parse", "origin/main")

    job.run()

    assert job.failed == []
    assert git(job.workspace, "rev-parse", "origin/main") == before


@pytest.fixture
def other(job: Job, tmp_path: Path) -> Path:
    """Another checkout, from which commits are pushed while the job runs."""
    git(tmp_path, "clone", "--quiet", str(tmp_path / "origin"), str(tmp_path / "other"))
    return tmp_path / "other"


def checkout(job: Job, commit: str) -> None:
    """As actions/checkout does it: one commit, without its history."""
    origin = job.workspace.parent / "origin"
    shutil.rmtree(job.workspace)
    git(job.workspace.parent, "init", "--quiet", str(job.workspace))
    git(job.workspace, "remote", "add", "origin", f"file://{origin}")
    git(job.workspace, "fetch", "--quiet", "--depth=1", "origin", commit)
    git(job.workspace, "checkout", "--quiet", "--detach", "FETCH_HEAD")


def push_session(other: Path, name: str, content: str) -> str:
    (other / f"sessions/{name}.yaml").write_text(content)
    commit(other)
    return git(other, "rev-parse", "HEAD")


def test_jobs_of_two_pushes_and_a_job_run_again_all_succeed(
    job: Job, other: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits = [
        push_session(other, name, SESSION.replace("session: 1", f"session: {name}"))
        for name in ("two", "three")
    ]
    job.inputs = {"deliver": "commit", "render": "one"}

    for each in (*commits, commits[-1]):
        checkout(job, each)
        job.run()
        assert job.failed == []

    git(other, "pull", "--quiet")
    assert len(list((other / "docs/09-handoff").glob("*-SESSION-*.md"))) == 3
    monkeypatch.chdir(other)
    assert run(["publish", "--check"]) == 0


def test_push_of_other_files_is_kept(job: Job, other: Path) -> None:
    (other / "more.txt").write_text("theirs\n")
    commit(other)
    (job.workspace / "handoff.yaml").write_text("engine: duckdb # of another step\n")
    job.inputs = {"deliver": "commit", "render": "one"}

    job.run()

    assert job.failed == []
    assert pushed(job) == WRITTEN
    assert git(job.workspace, "show", "origin/main:more.txt") == "theirs"
    assert "another step" in (job.workspace / "handoff.yaml").read_text()


@pytest.mark.parametrize(("hour", "kept"), [("01", "this run"), ("23", "pushed")])
def test_facts_recorded_last_are_kept(job: Job, other: Path, hour: str, kept: str) -> None:
    at = datetime.now(UTC).date() + timedelta(days=-1 if kept == "this run" else 1)
    words = ["render", "one", "--root", str(other), "--as-of", f"{at}T{hour}:00Z"]
    assert run(words) == 0
    commit(other)
    job.inputs = {"deliver": "commit", "render": "one"}

    job.run()

    facts = git(job.workspace, "show", "HEAD:sessions/one.facts.json")
    assert job.failed == []
    assert (f'"as_of": "{at}T{hour}:00:00Z"' in facts) == (kept == "pushed")
    assert "<<<<" not in facts


def test_facts_of_a_session_deleted_meanwhile_are_dropped(job: Job, other: Path) -> None:
    (other / "sessions/one.yaml").unlink()
    push_session(other, "two", SESSION)
    job.inputs = {"deliver": "commit", "render": "one"}

    job.run()

    assert job.failed == []
    assert [each for each in pushed(job) if "one" in each.casefold()] == [DOCUMENT]
    assert "session: two" not in (job.workspace / DOCUMENT).read_text()


def refuse(job: Job, times: int) -> Path:
    """Let the origin refuse pushes; the file that lists the attempts."""
    attempts = job.temp / "attempts"
    hook = job.workspace.parent / "origin/hooks/pre-receive"
    hook.write_text(
        f"#!/bin/sh\necho x >>{attempts}\n"
        f"test $(wc -l <{attempts}) -gt {times} || {{ echo '::error::no'; exit 1; }}\n"
    )
    hook.chmod(0o755)
    (job.temp / "sleep").write_text(f"#!/bin/sh\necho $1 >>{job.temp}/slept\n")
    (job.temp / "sleep").chmod(0o755)
    return attempts


def test_refused_push_is_tried_again_after_some_seconds(job: Job) -> None:
    attempts = refuse(job, 3)
    job.inputs = {"deliver": "commit", "render": "one"}

    job.run()

    assert job.failed == []
    assert pushed(job) == WRITTEN
    assert len(attempts.read_text().split()) == 4
    assert len((job.temp / "slept").read_text().split()) == 2


def test_push_that_is_always_refused_fails_with_the_output_of_git(job: Job) -> None:
    attempts = refuse(job, 100)
    job.inputs = {"deliver": "commit"}

    job.run()

    assert job.failed == ["commit"]
    assert len(attempts.read_text().split()) == 6
    assert "pre-receive hook declined" in job.out
    assert job.commands[-1] == (
        "::error title=handoff::could not push the documents in 6 attempts, "
        "see the output of git"
    )


def test_upload_takes_the_documents_folder(job: Job) -> None:
    job.inputs = {"deliver": "upload"}

    job.run()

    assert job.used[-1] == (
        "actions/upload-artifact",
        {"name": "handoffs", "path": "docs/09-handoff"},
    )
    assert (job.workspace / DOCUMENT).exists()
    assert pushed(job)[0] == "handoff.yaml"


@pytest.mark.parametrize(
    ("event", "branch"),
    [
        ("pull_request", "1/merge"),
        ("pull_request", "main"),
        ("push", "feature"),
        ("issues", "main"),
    ],
)
def test_unmerged_commit_is_only_checked(job: Job, event: str, branch: str) -> None:
    job.event, job.branch = event, branch
    job.inputs = {"deliver": "commit", "render": "one"}

    job.run()

    assert job.outputs["mode"] == {"mode": "check"}
    assert job.failed == []
    assert list(job.outcomes) == ["mode", "install", "check", "current", "summary"]
    assert git(job.workspace, "status", "--porcelain") == "?? gha-creds-0123.json"


def test_pull_request_is_annotated_at_the_lines_of_its_yaml(job: Job) -> None:
    (job.workspace / "sessions/one.yaml").write_text(SESSION.replace("title", "titel"))
    job.event, job.inputs = "pull_request", {"deliver": "commit"}

    job.run()

    assert job.failed == ["check"]
    assert (
        "::error file=sessions/one.yaml,line=2,col=1,title=Y020::unknown key 'titel', did you "
        "mean 'title'?"
    ) in job.commands
    assert "| cannot be read, 2 errors: handoff check one |" in job.summary


def test_annotations_are_relative_to_the_repository(job: Job) -> None:
    below = job.workspace / "a b"
    below.mkdir()
    for name in ("handoff.yaml", "sessions", "sql"):
        (job.workspace / name).rename(below / name)
    (below / "sessions/one.yaml").write_text("session: 1\n")
    job.event, job.inputs = "pull_request", {"root": "a b", "deliver": "upload"}

    job.run()

    assert [each for each in job.commands if "::error file=a b/sessions/one.yaml," in each]


TOKEN = "ghp_" + "Ab1" * 12


def pull_request(job: Job, *changes: tuple[str, str | None]) -> None:
    """Merge a branch with `changes` into main, as GitHub does for a pull request.

    Without a text, a file is deleted.
    """
    git(job.workspace, "checkout", "--quiet", "-b", "feature")
    for path, content in changes:
        file = job.workspace / path
        file.parent.mkdir(parents=True, exist_ok=True)
        if content is None:
            file.unlink()
        else:
            file.write_text(content)
    git(job.workspace, "add", "--all", "--", ":!gha-creds-*")
    git(job.workspace, "commit", "--quiet", "--message=changes")
    git(job.workspace, "checkout", "--quiet", "--detach", "main")
    git(job.workspace, "merge", "--quiet", "--no-ff", "--message=merge", "feature")
    job.event, job.branch = "pull_request", "1/merge"
    job.inputs = {"deliver": "commit"}


def test_problems_of_changed_files_are_annotated_first(job: Job) -> None:
    for n in range(30):
        (job.workspace / f"sessions/a{n}.yaml").write_text(f"session: {n + 2}\ntitel: x\n")
    commit(job.workspace)
    pull_request(job, ("sessions/z.yaml", "session: 1\ntitel: Last\n"))

    job.run()

    errors = [each for each in job.commands if each.startswith("::error file=")]
    assert len(errors) == 10
    assert errors[0].startswith("::error file=sessions/z.yaml,line=1,")
    assert re.search(r"::notice title=handoff::\d+ errors?.* not annotated", job.out)
    assert re.search(r"^- sessions/a29.yaml:2:1: error: unknown key", job.out, re.MULTILINE)
    assert re.search(r"Checked: \d+ errors.* \(\d+ errors.* not annotated\)", job.summary)


@pytest.mark.parametrize("is_committed", [False, True])
def test_diff_of_a_changed_document_is_in_the_summary(job: Job, is_committed: bool) -> None:
    job.inputs = {"deliver": "commit", "render": "one"}
    job.run()
    changed = SESSION.replace("title: One", 'title: One\ngoal: "```` <b>new</b>"')
    pull_request(job, ("sessions/one.yaml", changed))
    if is_committed:
        subprocess.run([job.temp / "handoff/bin/handoff", "publish"], cwd=job.workspace)

    job.summary = ""
    job.run()

    assert job.failed == []
    assert "### Changed documents\n\n<details><summary>" + DOCUMENT in job.summary
    assert "`````diff\n" in job.summary  # longer than what is inside
    assert "+**Session Goal**: ```` <b>new</b>\n" in job.summary


def test_summary_lists_deleted_documents(job: Job) -> None:
    job.inputs = {"deliver": "commit", "render": "one"}
    job.run()
    pull_request(job, ("sessions/one.yaml", None), (DOCUMENT, None))

    job.summary = ""
    job.run()

    assert f"Deleted: <code>{DOCUMENT}</code>" in job.summary


def test_diff_shows_no_secret(job: Job) -> None:
    job.inputs = {"deliver": "commit", "render": "one"}
    job.run()
    pull_request(job, ("sessions/one.yaml", f"{SESSION}goal: Use {TOKEN}\n"))

    job.summary = ""
    job.run()

    assert "+(removed: looks like a secret, github-token)" in job.summary
    assert TOKEN not in job.summary


def test_problems_are_uploaded_to_code_scanning(job: Job) -> None:
    (job.workspace / "sessions/one.yaml").write_text(SESSION.replace("title", "titel"))
    job.event, job.inputs = "pull_request", {"deliver": "commit", "sarif": "true"}

    job.run()

    assert job.failed == ["check"]
    file = job.temp / "handoff.sarif"
    wanted = {"sarif_file": str(file), "category": "handoff"}
    assert job.used[-1] == ("github/codeql-action/upload-sarif", wanted)
    places = [
        each["locations"][0] for each in json.loads(file.read_text())["runs"][0]["results"]
    ]
    assert places[0]["physicalLocation"]["artifactLocation"] == {"uri": "sessions/one.yaml"}


def test_documents_committed_by_people_must_be_current(job: Job) -> None:
    job.event = "pull_request"

    job.run()

    assert job.failed == ["current"]
    assert job.commands[-1] == (
        "::error title=handoff::documents are out of date; "
        "run 'handoff publish' and commit them"
    )
    assert "| one: One |" in job.summary


def test_pull_request_target_is_refused(job: Job) -> None:
    job.event = "pull_request_target"

    job.run()

    assert list(job.outcomes.items()) == [("mode", "failure")]


def test_failed_query_is_published_as_a_blank_and_fails_the_job(job: Job) -> None:
    query = job.workspace / "sql/q/counts.sql"
    query.write_text(query.read_text().replace("12", "DIV(1, 0)"))
    job.inputs = {"deliver": "commit", "render": "one"}

    job.run()

    assert job.failed == ["summary"]
    assert pushed(job) == WRITTEN
    assert "12 games" not in (job.workspace / DOCUMENT).read_text()


EVIL = '";touch pwned;$(touch pwned)`touch pwned`\n::error::pwned\n--overwrite'


@pytest.mark.parametrize(
    ("names", "failed"),
    [
        (["root"], ["check"]),
        (["deliver"], ["mode"]),
        (["render"], ["render"]),
        (["engine"], ["render"]),
        (["strict", "message", "python-version"], []),
    ],
    ids=str,
)
def test_inputs_stay_data(job: Job, names: list[str], failed: list[str]) -> None:
    job.inputs = {"deliver": "commit", "render": "one", **dict.fromkeys(names, EVIL)}

    job.run()

    assert job.failed == failed
    assert not [path for path in job.workspace.parent.rglob("*") if "pwned" in path.name]
    assert "::error::pwned" not in job.commands
    if not failed:
        assert git(job.workspace, "log", "-1", "--format=%B") == EVIL


@pytest.mark.parametrize(
    ("inputs", "event", "installed"),
    [
        ({}, "push", "requirements"),
        ({"deliver": "upload"}, "push", "requirements"),
        ({"deliver": "upload", "render": "one"}, "push", "requirements-render"),
        ({"deliver": "upload", "render": "one"}, "pull_request", "requirements"),
    ],
)
def test_only_queries_need_more_than_the_slim_set(
    job: Job, inputs: dict[str, str], event: str, installed: str
) -> None:
    job.inputs, job.event = inputs, event

    job.run()

    first, *_ = (job.temp / "handoff/bin/python.log").read_text().splitlines()
    assert "--no-deps" in first
    assert "--require-hashes" in first
    assert first.endswith(f"/action/{installed}.txt")


def test_untrusted_output_is_no_workflow_command(job: Job) -> None:
    job.inputs = {"deliver": "upload"}
    job.run()
    (job.workspace / DOCUMENT).write_text("::error::pwned\n##[error]pwned\n")

    job.run()

    assert job.failed == ["publish"]
    assert "::error::pwned" in job.out
    assert [each for each in job.commands if "pwned" in each] == []


WORKFLOWS = [ROOT / "action.yml", *sorted((ROOT / "docs/examples").glob("*.yml"))]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_and_no_event_grants_permissions(path: Path) -> None:
    text = path.read_text("utf-8")

    used = re.findall(r"uses: (\S+)", text)

    assert used
    assert [each for each in used if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", each)] == []
    assert "pull_request_target" not in text


# --- pre-commit --------------------------------------------------------------------------

HOOKS = yaml.load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"), yaml.BaseLoader)


def outcome(job: Job, hook: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.chdir(job.workspace)
    command, *words = shlex.split(hook["entry"])
    assert (command, hook["pass_filenames"]) == ("handoff", "false")
    return run(words)


@pytest.mark.parametrize("hook", HOOKS, ids=[hook["id"] for hook in HOOKS])
def test_hook_passes_valid_files_and_fails_on_an_error(
    job: Job, hook: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(job.workspace)
    run(["publish"])

    well = outcome(job, hook, monkeypatch)
    (job.workspace / "sessions/one.yaml").write_text("session: 1\ntitel: One\n")

    assert (well, outcome(job, hook, monkeypatch)) == (0, 1)


@pytest.mark.parametrize("hook", HOOKS, ids=[hook["id"] for hook in HOOKS])
def test_hook_runs_where_a_session_or_a_document_changed(hook: dict[str, str]) -> None:
    changed = ("handoff.yaml", "sessions/one.yaml", "sessions/one.facts.json", DOCUMENT)

    assert [path for path in changed if not re.search(hook["files"], path)] == []
    assert not re.search(hook["files"], "src/handoff.yaml.py")
