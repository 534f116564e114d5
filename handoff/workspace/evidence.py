"""Look up evidence in the repository: commits, files and lines, as they are now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from hashlib import sha256

from msgspec.structs import replace

from handoff.base.problems import HandoffError
from handoff.facts.recorded import EvidenceRecord, Facts
from handoff.project.project import Project
from handoff.session.model import Session
from handoff.sources import git_history
from handoff.values.evidence import IN_REPOSITORY, Reference, repository_references

MAX_BYTES = 50_000_000
"""Of a file that is evidence; a larger one is data, not evidence."""


def look_up_evidence(
    project: Project, session: Session, now: datetime, previous: Facts | None = None
) -> Mapping[str, EvidenceRecord]:
    """What the session's evidence in the repository is now.

    What is as it was in `previous` keeps its record, so that a second render changes nothing.
    """
    known = previous.evidence if previous else {}
    references = repository_references(session)
    head = git_history.head(project.root) if references else None
    found: dict[str, EvidenceRecord] = {}
    for reference in references:
        record = _look_up(project, reference)
        commit = record.commit if reference.kind == "commit" else head
        record = replace(record, commit=commit, at=now.replace(microsecond=0))
        old = known.get(reference.key)
        same = old is not None and not old.edited and old.is_same(record)
        found[reference.key] = old if old is not None and same else record
    return found


def _look_up(project: Project, reference: Reference) -> EvidenceRecord:
    """The commit, the file or its lines, as they are now."""
    if reference.kind == "commit":
        commit = git_history.full_id(project.root, reference.name)
        found = True if commit else git_history.knows(project.root, reference.name)
        return EvidenceRecord(found, None, commit, _NEVER)
    content = _content(project, reference)
    digest = None if content is None else sha256(content).hexdigest()
    return EvidenceRecord(digest is not None, digest, None, _NEVER)


_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def _content(project: Project, reference: Reference) -> bytes | None:
    """The file or its lines, with line endings normalised; `None` where they do not exist."""
    try:
        file = project.path(reference.name)
        if not file.is_file() or file.stat().st_size > MAX_BYTES:
            return None
        content = (project.read(reference.name) or b"").replace(b"\r\n", b"\n")
    except (HandoffError, OSError, ValueError):
        return None
    if reference.kind != "lines":
        has_section = not reference.section or reference.section in _sections(content)
        return content if has_section else None
    lines = content.removesuffix(b"\n").split(b"\n") if content else []
    first, last = reference.first, reference.last
    return b"\n".join(lines[first - 1 : last]) if 0 < first <= last <= len(lines) else None


def _sections(content: bytes) -> frozenset[str]:
    """The anchors of a Markdown file's headings."""
    from handoff.base.markdown import headings, parse_markdown  # slow: brings markdown_it

    page = parse_markdown(content.decode("utf-8", "replace"))
    return frozenset(each.anchor for each in headings(page))


def evidence_exists(project: Project, reference: Reference) -> bool:
    """Whether the evidence exists now, or may exist: git cannot be sure in a shallow clone."""
    return (
        reference.kind not in IN_REPOSITORY or _look_up(project, reference).found is not False
    )


def changed_evidence(
    project: Project, session: Session, facts: Facts | None
) -> Iterator[tuple[str, str]]:
    """Each reference of the session whose recorded content changed since, and how."""
    for reference in repository_references(session):
        if change := evidence_change(project, facts, reference):
            yield reference.key, change


def evidence_change(project: Project, facts: Facts | None, reference: Reference) -> str | None:
    """How evidence differs from its record: `was moved to 'x'`; empty if it does not.

    `None` if it exists now and is not recorded as found.
    """
    if reference.kind not in IN_REPOSITORY:
        return ""
    record = facts.evidence.get(reference.key) if facts else None
    found = _look_up(project, reference)
    if record is None or not record.found:
        return None if found.found else ""
    if found.found is None or record.is_same(found):
        return ""
    if reference.kind == "commit":
        return "is another commit now" if found.found else "is no longer in git"
    if found.found:
        return "has other lines now" if reference.kind == "lines" else "has changed"
    if moved := git_history.moved(project.root, reference.name):
        return f"was moved to '{moved}'"
    return (
        "no longer exists" if not _is_file(project, reference.name) else "has fewer lines now"
    )


def _is_file(project: Project, path: str) -> bool:
    try:
        return project.path(path).is_file()
    except (HandoffError, OSError, ValueError):
        return False
