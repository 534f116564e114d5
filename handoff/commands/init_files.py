"""What `handoff init` puts into a repository: files to start from, none of them overwritten."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from string import Template

from msgspec import Struct

from handoff.base.files import confined, write_new
from handoff.project.settings import Engine
from handoff.yaml.emitter import ScalarContext, format_flow, format_scalar

_STARTER = Path(__file__).parent / "starter"
"""A folder for each engine; `$name` in its files is filled in."""
GUIDE = ".agents/skills/handoff/SKILL.md"
"""What teaches a coding agent how sessions begin and end; where several of them look."""


class InitPlan(Struct, frozen=True):
    """What is to be written, as found or as a person chose."""

    engine: Engine
    output: str
    number: int
    """Of the first session."""
    today: date
    project: str | None = None
    """Of Google Cloud."""
    read: str | None = None
    """The newest document that was there, for the first prompt."""
    with_session: bool = True
    """Whether a first session and its question are wanted; not where there are sessions."""

    @property
    def session(self) -> str:
        """The id of the first session."""
        return f"session-{self.number}"


def start(root: Path, plan: InitPlan) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Write the starter files under `root`; the paths written, and those that were there.

    Raises WorldError.
    """
    made = {
        path: write_new(confined(root, path), content, place=path)
        for path, content in _files(plan)
    }
    return (
        tuple(path for path, is_new in made.items() if is_new),
        tuple(path for path, is_new in made.items() if not is_new),
    )


def guide(root: Path) -> bool:
    """Write `GUIDE` under `root`; whether it could: never over a file that is there.

    Raises WorldError.
    """
    content = (_STARTER / "agent/SKILL.md").read_bytes()
    return write_new(confined(root, GUIDE), content, place=GUIDE)


def _files(plan: InitPlan) -> Iterator[tuple[str, bytes]]:
    folder = _STARTER / plan.engine
    for file in sorted(folder.rglob("*")):
        path = file.relative_to(folder).as_posix().replace("session-1", plan.session)
        if file.is_file() and (plan.with_session or "/" not in path):
            yield path, Template(file.read_text("utf-8")).substitute(_names(plan)).encode()


def _names(plan: InitPlan) -> dict[str, str]:
    project = f"bigquery: {{project: {_inline(plan.project)}}}" if plan.project else ""
    without = "# bigquery: {project: my-project, location: US, dataset: my_dataset}"
    read = (
        f"    - {{path: {_inline(plan.read)}, note: the handoff before}}\n" if plan.read else ""
    )
    return {
        "number": str(plan.number),
        "next": str(plan.number + 1),
        "day": str(plan.today),
        "output": format_scalar(plan.output, ScalarContext(0))[0],
        "bigquery": project or without,
        "read": read,
    }


def _inline(words: str | None) -> str:
    return format_flow(words)
