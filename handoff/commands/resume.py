"""`resume`: print a handoff with today's facts, and what changed since."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from typing import Annotated, Literal

import typer
from msgspec import Struct
from msgspec.structs import replace

from handoff.base.problems import InvalidInput, WorldError, worst_exit_code
from handoff.base.report import json_text
from handoff.base.secrets import truncate
from handoff.commands import console, options
from handoff.commands.hook import MAX_LINES, print_hook, shorten
from handoff.facts.recorded import Facts, Failure
from handoff.project.project import Project
from handoff.render.document import Document
from handoff.session.model import QueryFact
from handoff.session.reading_list import to_read
from handoff.sources import git_history
from handoff.sources.git_history import Touch
from handoff.values.changes import ChangeKind, ShownValue, ValueChange, changes_between
from handoff.values.printing import code_span, folded, timestamp_text
from handoff.workspace.document import (
    DATA,
    cells,
    get_prompt,
    interpolator,
    overdue,
    refuse_secrets,
    render,
)
from handoff.workspace.evidence import changed_evidence
from handoff.workspace.gather import gather, load_facts
from handoff.workspace.load import (
    LoadedSession,
    find_session,
    load_session,
    open_project,
    successors,
)
from handoff.workspace.paths import facts_path, session_path
from handoff.workspace.tree import tree_changes

Mode = Literal["asked", "frozen", "recorded"]
"""`recorded`: the queries should have run, but neither warehouse nor sources responded."""


class FactAge(Struct, frozen=True):
    """How old a recorded fact is."""

    fact: str
    at: datetime | None
    """Its as-of time, UTC; `None` where it has no result."""
    age: timedelta | None


class ChangedFile(Struct, frozen=True):
    """A file to read that changed since."""

    path: str
    commits: tuple[Touch, ...]
    """The latest, newest first."""


class ConditionChange(Struct, frozen=True):
    """A prerequisite or unchecked item whose condition evaluates differently now."""

    text: str
    then: bool | None
    """`None`: unknown."""
    now: bool | None


class ResumeReport(Struct, frozen=True):
    """A handoff when it is resumed."""

    session: str
    """The id."""
    document: str
    mode: Mode
    reason: str
    """Why the warehouse or the sources could not be reached; empty where they were."""
    then: datetime | None
    """The as-of time of the recorded facts, UTC; `None` where nothing is recorded."""
    now: datetime
    """The as-of time of the new facts."""
    prompt: str | None
    """With the new facts; with the recorded ones where no query ran."""
    changes: tuple[ValueChange, ...] = ()
    failures: tuple[tuple[str, str], ...] = ()
    """Facts without a result now, with the reason."""
    conditions: tuple[ConditionChange, ...] = ()
    overdue: tuple[str, ...] = ()
    """Overdue actions, and the checkpoint."""
    files: tuple[ChangedFile, ...] = ()
    evidence: tuple[tuple[str, str], ...] = ()
    """Evidence in the repository that changed since it was recorded, and how."""
    tree: tuple[str, ...] = ()
    """What differs from the working tree that the handoff recorded, in Markdown."""
    superseded_by: tuple[str, ...] = ()
    unreached: str = ""
    """What could not be reached, as a clause."""
    ages: tuple[FactAge, ...] = ()
    """Of each recorded fact, where no query ran."""
    handed_over_at: str | None = None
    """The commit that last changed the handoff; `None` where git has none."""
    exit_code: int = 0
    """3 where the warehouse failed, 1 where a query needs a fix; else 0."""

    @property
    def is_unchanged(self) -> bool:
        parts = (self.changes, self.failures, self.conditions, self.overdue, self.files)
        return not any((*parts, self.evidence, self.tree, self.superseded_by))


def resume(
    session: options.LatestSession = "latest",
    engine: options.EngineOption = None,
    frozen: options.Frozen = False,
    as_of: options.AsOf = None,
    prompt: Annotated[
        str | None,
        typer.Option(
            "--prompt",
            metavar="NAME",
            help="Print the prompt NAME (default: 'prompt:').",
            autocompletion=options.completer("prompt_names"),
        ),
    ] = None,
    format: Annotated[str, options.format_option("text", "json")] = "text",
    hook: Annotated[
        bool,
        typer.Option(
            "--hook", help="Print a short summary for the start of an agent's session."
        ),
    ] = False,
    root: options.Root = None,
) -> int:
    """The handoff's queries run again. Nothing is recorded, and the handoff stays unchanged.

    '--hook' runs no query, prints nothing if there is no handoff, and exits with 0.
    """
    if hook:
        return print_hook(lambda: _hook_text(root, session))
    if frozen:
        options.refuse_together("--frozen", [("--engine", engine)])
    project = open_project(root)
    now = options.as_of_time(as_of) or options.this_minute()
    loaded = load_session(project, find_session(project, session))
    then = load_facts(project, loaded.session.id)
    facts: Facts | Failure | None = None
    if loaded.session.facts and not frozen:
        facts = _run_again(project, loaded, now=now, engine=engine)
    report = _report(project, loaded, then, facts, now=now, name=prompt, frozen=frozen)
    console.out(_as_text(report) if format == "text" else f"{json_text(_fields(report))}\n")
    if report.mode == "recorded":
        console.lines(report.reason)
        console.note(f"{report.unreached}: this is the recorded prompt")
    for name, message in report.failures:
        console.note(f"fact '{name}' has no result now: {message}")
    return report.exit_code


def _run_again(
    project: Project, loaded: LoadedSession, *, now: datetime, engine: str | None
) -> Facts | Failure:
    """The facts of `now`; where all of them fail to reach the warehouse, that failure."""
    progress = console.ProgressLine()
    try:
        facts = gather(project, loaded, engine=engine, as_of=now, progress=progress, keep=False)
    except WorldError as error:
        return Failure(str(error), now, error.exit_code)
    failures = [fact.failure for fact in facts.facts.values()]
    unreached = [each for each in failures if each is not None and each.exit_code == 3]
    return unreached[0] if len(unreached) == len(failures) else facts


def _report(
    project: Project,
    loaded: LoadedSession,
    then: Facts | None,
    found: Facts | Failure | None,
    *,
    now: datetime,
    name: str | None,
    frozen: bool,
) -> ResumeReport:
    facts = found if isinstance(found, Facts) else then
    # where a query failed the last result is used, marked with its age
    document = render(project, loaded, facts, stale_ok=isinstance(found, Facts))
    session_id = loaded.session.id
    own = (session_path(session_id), facts_path(session_id), document.path)
    base = git_history.last_touched(project.root, own)
    report = ResumeReport(
        session=session_id,
        document=document.path,
        mode="frozen" if frozen else "asked",
        reason="",
        then=then.as_of if then else None,
        now=now,
        prompt=_prompt(project, document, name),
        overdue=overdue(project, loaded, facts, now),
        files=tuple(_changed_files(project, loaded, document, base)) if base else (),
        evidence=tuple(changed_evidence(project, loaded.session, then)),
        tree=() if frozen else tree_changes(project, loaded.session, then),
        superseded_by=successors(project).get(session_id, ()),
        handed_over_at=base,
    )
    if isinstance(found, Facts):
        failures = [(f.name, f.failure) for f in found.facts.values() if f.failure]
        before, after = (cells(project, loaded, each) for each in (then, found))
        return replace(
            report,
            changes=changes_between(before, after),
            conditions=tuple(_changed_conditions(project, loaded, then, found)),
            failures=tuple((name, failure.message) for name, failure in failures),
            exit_code=worst_exit_code(failure.exit_code for _, failure in failures),
        )
    if isinstance(found, Failure):
        code, reason = found.exit_code, found.message
        has_query = any(isinstance(each, QueryFact) for each in loaded.session.facts)
        unreached = "the warehouse could not be reached" if has_query else _NO_SOURCE
        report = replace(
            report, mode="recorded", reason=reason, unreached=unreached, exit_code=code
        )
    elif not frozen:  # there are no queries
        return report
    return replace(report, ages=tuple(_ages(loaded, then, now)))


_NO_SOURCE = "no source of the facts could be read"


def _prompt(project: Project, document: Document, name: str | None) -> str | None:
    if name is not None:
        return get_prompt(project, document, name)
    if document.prompt is not None:
        refuse_secrets(project, document.prompt, document.path, document.session)
    return document.prompt


def _changed_conditions(
    project: Project, loaded: LoadedSession, then: Facts | None, facts: Facts
) -> Iterator[ConditionChange]:
    """The prerequisites and unchecked items whose condition evaluates differently now."""
    from handoff.values.evidence import (  # slow: brings jinja2
        evaluate_condition,
        start_conditions,
        unchecked_conditions,
    )

    before = interpolator(project, loaded, then)
    after = interpolator(project, loaded, facts, stale_ok=True)
    for condition in (
        *start_conditions(loaded.session),
        *unchecked_conditions(loaded.session),
    ):
        old, new = (evaluate_condition(condition, live, "prompt") for live in (before, after))
        if old.holds is not new.holds:
            yield ConditionChange(f"{new.text} ({new.evidence})", old.holds, new.holds)


def _ages(loaded: LoadedSession, facts: Facts | None, now: datetime) -> Iterator[FactAge]:
    for declared in loaded.session.facts:
        fact = facts.facts.get(declared.name) if facts else None
        at = fact.provenance.as_of if fact and fact.provenance else None
        at = at or (facts.as_of if facts and fact else None)
        yield FactAge(declared.name, at, now - at if at else None)


def _changed_files(
    project: Project, loaded: LoadedSession, document: Document, base: str
) -> Iterator[ChangedFile]:
    # a file may be named twice, with other lines of it
    for name in dict.fromkeys(each.path for each in to_read(loaded.session, document.path)):
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts:
            continue
        commits = git_history.touches(project.root, name, since=base)
        if commits:
            yield ChangedFile(name, commits)


# --- as text -----------------------------------------------------------------------------


def _as_text(report: ResumeReport) -> str:
    """The prompt, and below it what changed; to be pasted together."""
    lines: list[str] = []
    if report.mode == "recorded":
        lines += [
            f"RECORDED PROMPT: {report.unreached}, values are as of {_time(report.then)}.",
            f"Why: {code_span(folded(report.reason))}",
            "",
        ]
    if report.prompt is not None:
        lines += [report.prompt, ""]
    has_run = report.mode == "asked"
    until = f" → {_time(report.now)}" if has_run else "; no query was run again"
    lines.append(f"SINCE THE HANDOFF ({_time(report.then)}{until}):")
    for title, items in _sections(report):
        if items:
            lines += [f"{title}:", *(f"- {item}" for item in items)]
    if report.is_unchanged:
        lines.append("nothing changed" if has_run else "no other change is known")
    return "\n".join([*lines, "", DATA]) + "\n"


def _sections(report: ResumeReport) -> Iterator[tuple[str, Sequence[str]]]:
    yield "Age of the facts", [_age(each) for each in report.ages]
    for kind, title in _KINDS.items():
        yield title, [_change(each, report) for each in report.changes if each.kind == kind]
    yield (
        "No result now",
        [f"{name}: {code_span(folded(message))}" for name, message in report.failures],
    )
    for now, title in ((True, "Holds now"), (False, "Holds no longer"), (None, "Unknown now")):
        yield title, [each.text for each in report.conditions if each.now is now]
    yield "Overdue", report.overdue
    yield "Files to read that changed", [_changed_file(each) for each in report.files]
    yield (
        "Evidence that changed",
        [f"{code_span(folded(name))} {change}" for name, change in report.evidence],
    )
    yield "Working tree", report.tree
    yield "Superseded by", report.superseded_by


_KINDS: Mapping[ChangeKind, str] = {
    "finished": "Finished",
    "failed": "Stalled or failed",
    "moved": "Changed",
}
MAX_VALUE = 500
"""Characters of a value that are printed; JSON has all of them."""


def _age(each: FactAge) -> str:
    if each.at is None or each.age is None:
        return f"{each.fact}: no result yet"
    return f"{each.fact}: as of {timestamp_text(each.at)}, {duration(each.age)} old"


def duration(age: timedelta) -> str:
    """`35 min`, `22 h`, `3 days`; cut, not rounded."""
    minutes = int(age.total_seconds()) // 60
    if minutes < 120:
        return f"{max(minutes, 0)} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} days"


def _change(change: ValueChange, report: ResumeReport) -> str:
    times = [each.at if each else None for each in (change.then, change.now)]
    usual = (report.then, report.now)
    differs = any(a and a != b for a, b in zip(times, usual, strict=True))
    at = f" ({_time(times[0])} → {_time(times[1])})" if differs else ""
    if change.is_row and (change.then is None or change.now is None):
        what, value = ("new", change.now) if change.then is None else ("gone", change.then)
        return f"{change.name}, {what}: {_value(value)}{at}"
    if change.then is None:
        return f"{change.name}: new, {_value(change.now)}{at}"
    if change.now is None:
        return f"{change.name}: gone, was {_value(change.then)}{at}"
    return f"{change.name}: {_value(change.then)} → {_value(change.now)}{at}"


def _value(each: ShownValue | None) -> str:
    if each is None or each.words is None:
        return "unknown"
    length = len(each.words)
    return each.words if length <= MAX_VALUE else f"{length:,} characters"


def _changed_file(file: ChangedFile) -> str:
    commits = []
    for each in file.commits:
        subject = folded(each.subject) or "no subject"
        subject = truncate(subject, 80)
        commits.append(f"{each.sha[:7]} {code_span(subject)}")
    return f"{code_span(folded(file.path))}: {', '.join(commits)}"


def _time(at: datetime | None) -> str:
    return timestamp_text(at) if at else "nothing recorded"


# --- for a hook --------------------------------------------------------------------------


def _hook_text(root: str | None, session: str) -> str:
    """A few lines about the latest handoff, from recorded facts; empty if there is none."""
    project = open_project(root)
    if not project.session_ids():
        return ""
    session_id = find_session(project, session)
    try:
        loaded = load_session(project, session_id)
        facts = load_facts(project, session_id)
        now = options.this_minute()
        report = _report(project, loaded, facts, None, now=now, name=None, frozen=True)
    except InvalidInput:
        return f"The handoff {code_span(session_id)} has errors; run `handoff check`.\n"
    title = code_span(shorten(folded(loaded.session.title)))
    lines = [
        f"Handoff {code_span(session_id)} ({title}), document "
        f"{code_span(folded(report.document))}, facts: {_time(report.then)}."
    ]
    for heading, items in _sections(replace(report, ages=())):
        lines += [shorten(f"{heading}: {folded(item)}") for item in items]
    if len(lines) > MAX_LINES:
        more = len(lines) - MAX_LINES + 1
        lines = [*lines[: MAX_LINES - 1], f"{more} more; 'handoff resume' lists them."]
    lines += [
        f"If your task continues it, run `handoff resume {session_id}` for the prompt with "
        f"today's numbers, then `handoff accept {session_id} --by NAME`.",
        DATA,
    ]
    text = "\n".join(lines) + "\n"
    refuse_secrets(project, text, report.document, session_id)
    return text


# --- as JSON -----------------------------------------------------------------------------


def _fields(report: ResumeReport) -> dict[str, object]:
    """One object for programs; values as they print, not escaped for a prompt."""
    return {
        "session": report.session,
        "document": report.document,
        "mode": report.mode,
        "reason": report.reason or None,
        "then": _iso(report.then),
        "now": _iso(report.now),
        "prompt": report.prompt,
        "is_unchanged": report.is_unchanged if report.mode == "asked" else None,
        "changes": [
            {
                "name": each.name,
                "kind": each.kind,
                "then": each.then.bare if each.then else None,
                "now": each.now.bare if each.now else None,
                "then_at": _iso(each.then.at if each.then else None),
                "now_at": _iso(each.now.at if each.now else None),
            }
            for each in report.changes
        ],
        "failures": [{"fact": name, "message": message} for name, message in report.failures],
        "conditions": [
            {"text": each.text, "then": each.then, "now": each.now}
            for each in report.conditions
        ],
        "overdue": list(report.overdue),
        "handed_over_at": report.handed_over_at,
        "files": [
            {
                "path": file.path,
                "commits": [
                    {"commit": each.sha, "at": _iso(each.at), "subject": each.subject}
                    for each in file.commits
                ],
            }
            for file in report.files
        ],
        "evidence": [{"evidence": name, "change": change} for name, change in report.evidence],
        "tree": list(report.tree),
        "superseded_by": list(report.superseded_by),
        "ages": [{"fact": each.fact, "as_of": _iso(each.at)} for each in report.ages],
        "note": DATA,
    }


def _iso(at: datetime | None) -> str | None:
    return at.isoformat().replace("+00:00", "Z") if at else None
