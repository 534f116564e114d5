"""Merge conflicts in generated files: which of them lose nothing when they are resolved."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from handoff.base.conflict_markers import conflicts, sides, unmarked_lines
from handoff.base.problems import InvalidInput
from handoff.facts import receipts, recorded
from handoff.facts.recorded import Facts
from handoff.publish.signature import signature
from handoff.sources import git_history


def manual_line(root: Path, path: str, text: str, owner: str) -> int:
    """The first line of the conflict in `text` that handoff did not write; 0 for none.

    Git merges lines apart from the conflict by itself, so that neither side may be what
    handoff wrote. Then the versions that were merged are taken from git.
    """
    if all(_is_signed(each.encode(), owner) for each in sides(text)):
        return 0
    merged, base = git_history.merged_versions(root, path)
    written = [each for each in (*merged, *base) if _is_signed(each, owner)]
    known = _lines(written)
    for number, line in unmarked_lines(text):
        if line not in known:
            return number
    # a line may have been removed
    return 0 if all(each in written for each in merged) else conflicts(text)[0]


def merged_record(root: Path, path: str, content: bytes) -> bytes | None:
    """A facts or receipts file without its merge conflict; `None` where it has to be read.

    Receipts are those of both branches, facts those of the branch that recorded them last.
    """
    text = _text(content)
    if not conflicts(text):
        return None
    versions, _ = git_history.merged_versions(root, path)
    known = _lines(versions)
    if any(line not in known for _, line in unmarked_lines(text)):  # of another merge
        versions = [each.encode() for each in sides(text)]
    return _merged_records(versions, path)


def merged_file(ours: bytes, theirs: bytes, path: str) -> bytes | None:
    """Two versions of a generated file as one; `None` where that would lose a manual edit.

    Of documents it is `ours`, which `publish` writes again.
    """
    if path.endswith(".json"):
        return _merged_records([ours, theirs], path)
    owner = signature(ours).owner
    both = all(_is_signed(each, owner) for each in (ours, theirs)) if owner else False
    return ours if both else None


def _merged_records(versions: Sequence[bytes], path: str) -> bytes | None:
    try:
        if path.endswith(".receipts.json"):
            both = [each for one in versions for each in receipts.load(one, path)]
            return receipts.dump(sorted(dict.fromkeys(both), key=lambda each: each.at)).encode()
        loaded = [recorded.load(one, path) for one in versions]
    except InvalidInput:
        return None
    if any(fact.edited for each in loaded for fact in each.facts.values()):
        return None
    return versions[loaded.index(max(loaded, key=_recorded_at))]


def _recorded_at(facts: Facts) -> list[datetime]:
    ran = [each.provenance.ran_at for each in facts.facts.values() if each.provenance]
    return [facts.as_of or datetime.min.replace(tzinfo=UTC), *sorted(ran, reverse=True)[:1]]


def _lines(versions: Iterable[bytes]) -> frozenset[str]:
    return frozenset(line for each in versions for line in _text(each).split("\n"))


def _text(content: bytes) -> str:
    return content.decode(errors="replace").replace("\r\n", "\n")


def _is_signed(content: bytes, owner: str) -> bool:
    there = signature(content)
    return there.intact and there.owner == owner
