"""What a standalone prompt has in addition, for a receiver who has nothing but the prompt.

All of it comes from the session and its recorded facts, so it is the same wherever and
whenever it is rendered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from types import UnionType
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from handoff.base.report import counted
from handoff.base.tokens import estimate_tokens
from handoff.facts.recorded import Fact, Facts
from handoff.render.document import DATA
from handoff.session.model import (
    Action,
    Blank,
    Bullets,
    Checklist,
    Content,
    Entries,
    GitTree,
    JsonFile,
    LogFile,
    Session,
    SourceFact,
    Steps,
)
from handoff.session.walk import checklist_items
from handoff.values.printing import code_span, folded, timestamp_text

MAX_FILES = 10
"""Of the files that are not committed; all of them are counted."""


class Standalone(Struct, frozen=True):
    """The name `standalone` in `prompt.md.j2`."""

    document: str
    """Its path from the root."""
    budget_tokens: int
    state: tuple[str, ...]
    """Lines: status, times, branch and commit, files that are not committed."""
    actions: tuple[Action, ...] | Blank | None
    open: Checklist | None
    """The unchecked items; `None` if there are none."""
    findings: Content | None
    actions_left_out: str = ""
    """Says how many are left out to keep the budget, and where they are."""
    open_left_out: str = ""
    findings_left_out: str = ""


def standalone_content(
    session: Session,
    facts: Facts | None,
    *,
    document: str,
    budget_tokens: int,
    status: str,
    provenance: Sequence[str],
) -> Standalone:
    """All of it; `status` and the sentences of `provenance` are as they print in a prompt."""
    unchecked = tuple(each for each in checklist_items(session) if not each.done)
    lines = (
        f"Session {code_span(session.id)}, created {session.created.day}; "
        f"status: {' '.join(status.split())}",
        *(provenance or ("No facts are recorded.",)),
        *_file_lines(session, facts),
        *_tree_lines(session, facts),
        f"Document: {document}",
        DATA,
    )
    return Standalone(
        document=document,
        budget_tokens=budget_tokens,
        state=tuple(line.removesuffix(".") for line in lines),
        actions=session.actions,
        open=Checklist(unchecked, unchecked[0].place) if unchecked else None,
        findings=session.content.get("findings"),
    )


# --- state ---------------------------------------------------------------------------------


def _file_lines(session: Session, facts: Facts | None) -> Iterator[str]:
    """The latest time in each log and JSON file, which may be older than the facts."""
    for fact, declared in _recorded(session, facts, LogFile | JsonFile):
        provenance = fact.provenance
        if provenance is None:
            continue
        read = [each for each in declared.sources if isinstance(each, LogFile | JsonFile)]
        typed = {name for each in read for name in each.constants}
        limit = provenance.as_of or datetime.max.replace(tzinfo=UTC)
        times = [
            value
            for n in range(len(fact.rows))
            for name, value in _row(fact, n).items()
            if isinstance(value, datetime) and name not in typed and value <= limit
        ]
        if times:
            file = code_span(folded(provenance.source))
            yield f"The latest time in {file} is {timestamp_text(max(times))}"


def _tree_lines(session: Session, facts: Facts | None) -> Iterator[str]:
    trees = [_row(fact, 0) for fact, _ in _recorded(session, facts, GitTree) if fact.rows]
    if trees:
        yield _commit_line(trees[0])
        yield _files_line(trees[0])
        return
    evidence = facts.evidence.values() if facts else ()
    checked = (each for each in evidence if each.commit and each.sha256)
    newest = max(checked, key=lambda each: each.at, default=None)
    if newest and newest.commit:
        at = timestamp_text(newest.at)
        yield f"Commit {code_span(newest.commit[:12])} was checked out at {at}"
    yield "Branch, and what is not committed or not pushed: not recorded"


def _recorded(
    session: Session, facts: Facts | None, kind: type | UnionType
) -> Iterator[tuple[Fact, SourceFact]]:
    """Each recorded fact with its declaration, if it has a source of that kind."""
    for declared in session.facts:
        fact = facts.facts.get(declared.name) if facts else None
        if fact is None or not isinstance(declared, SourceFact):
            continue
        if any(isinstance(each, kind) for each in declared.sources):
            yield fact, declared


def _row(fact: Fact, n: int) -> Mapping[str, Any]:
    return dict(zip((column.name for column in fact.columns), fact.rows[n], strict=True))


def _commit_line(tree: Mapping[str, Any]) -> str:
    """``Branch `main` at commit `1a2b3c4d5e6f`, 1 ahead of and 0 behind `origin/main` ``."""
    branch = f"Branch {_code(tree['branch'])}" if tree.get("branch") else "Detached HEAD"
    commit = f"at commit {_code(tree['head'][:12])}" if tree.get("head") else "without commits"
    upstream, ahead, behind = (tree.get(name) for name in ("upstream", "ahead", "behind"))
    if not upstream:
        against = "no upstream, so what is pushed is not known"
    elif ahead is None or behind is None:
        against = f"not comparable with {_code(upstream)}"
    else:
        against = f"{ahead:,} ahead of and {behind:,} behind {_code(upstream)}"
        against += " (not all is pushed)" if ahead else ""
    worktree = f", in worktree {_code(tree['worktree'])}" if tree.get("worktree") else ""
    return f"{branch} {commit}, {against}{worktree}"


def _files_line(tree: Mapping[str, Any]) -> str:
    """``Working tree: 1 changed file (`a.py`), 2 untracked files (`b`, `c`), 1 stash``."""
    parts = []
    for kind in ("changed", "untracked"):
        if count := tree.get(kind) or 0:
            names = [_code(path) for path in tree.get(f"{kind}_files") or ()][:MAX_FILES]
            more = [f"{count - len(names):,} more"] if count > len(names) else []
            parts.append(f"{counted(count, f'{kind} file')} ({', '.join([*names, *more])})")
    if elsewhere := tree.get("elsewhere"):
        parts.append(f"{counted(elsewhere, 'file')} outside the project's folder")
    if stashes := tree.get("stashes"):
        parts.append("1 stash" if stashes == 1 else f"{stashes:,} stashes")
    return f"Working tree: {', '.join(parts) or 'clean'}"


def _code(text: str) -> str:
    return code_span(folded(text))


# --- budget --------------------------------------------------------------------------------

_LEFT_OUT_FIRST = {"findings": "finding", "open": "open item", "actions": "action"}


def shorten(whole: Standalone, render_prompt: Callable[[Standalone], str]) -> Standalone:
    """`whole` with as many items as fit the budget.

    Findings are left out first, then open items, then actions, the last ones of each first.
    """

    def is_short(content: Standalone) -> bool:
        return estimate_tokens(render_prompt(content)) <= whole.budget_tokens

    if is_short(whole):
        return whole
    shown = whole
    for name in _LEFT_OUT_FIRST:
        if not (count := _count(whole, name)):
            continue
        without = _keep(shown, name, 0)
        if not is_short(without):
            shown = without
            continue
        fits, too_many = 0, count
        while too_many - fits > 1:
            middle = (fits + too_many) // 2
            if is_short(_keep(shown, name, middle)):
                fits = middle
            else:
                too_many = middle
        return _keep(shown, name, fits)
    return shown


def _count(content: Standalone, name: str) -> int:
    match getattr(content, name):
        case None | Blank():
            return 0
        case Checklist(boxes=items) | Bullets(items=items) | Steps(items=items):
            return len(items)
        case Entries(entries=entries):
            return len(entries)
        case tuple() as actions:
            return len(actions)
        case _:
            return 1


def _keep(content: Standalone, name: str, keep: int) -> Standalone:
    """`content` with the first `keep` items of one part."""
    count, part = _count(content, name), getattr(content, name)
    match part:
        case _ if not keep:
            part = None
        case Checklist():
            part = replace(part, boxes=part.boxes[:keep])
        case Bullets() | Steps():
            part = replace(part, items=part.items[:keep])
        case Entries():
            part = replace(part, entries=part.entries[:keep])
        case _:
            part = part[:keep]
    what = counted(count - keep, f"{'more ' if keep else ''}{_LEFT_OUT_FIRST[name]}")
    left_out = (
        f"{what} left out to keep the prompt within {content.budget_tokens:,} tokens; "
        f"see {content.document}"
    )
    return replace(content, **{name: part, f"{name}_left_out": left_out})
