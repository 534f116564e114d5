"""What a rule looks at: values that are loaded, so that every rule is a pure function."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct, field

from handoff.base.tree import Tree
from handoff.facts.recorded import Fact, Facts
from handoff.session.model import Session
from handoff.session.walk import OpenBlank
from handoff.sql.query import Query
from handoff.values.cells import Cells
from handoff.values.history import FactHistory


class CheckContext(Struct, frozen=True):
    """One session and all that its rules look at."""

    session: Session
    queries: Mapping[str, Query]
    """By name, those that could be read."""
    facts: Facts | None
    """What is recorded; `None` where nothing is."""
    facts_path: str
    document_path: str
    """Where the document stands or will stand."""
    document: str | None
    """As rendered from what is recorded; `None` where it could not be."""
    tree: Tree
    open: Sequence[OpenBlank] = ()
    """The document's blanks."""
    prompts: Mapping[str, str] = field(default_factory=dict)
    """As rendered, by name."""
    budget_tokens: int | None = None
    """Of one prompt; `None` for any."""
    cells: Cells | None = None
    """What is recorded, value by value."""
    past: FactHistory = field(default_factory=FactHistory)
    lines: Callable[[str], int | None] = lambda _: None
    """How many a file of the tree has; `None` where there is none, or it is no text."""

    def fact(self, name: str) -> Fact | None:
        return self.facts.facts.get(name) if self.facts else None


class ProjectContext(Struct, frozen=True):
    """All of a project, for rules that compare."""

    sessions: Sequence[Session]
    documents: Mapping[str, str]
    """Each session's document path, by its id."""
    queries: Mapping[str, Query]
