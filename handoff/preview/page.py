"""The HTML pages, from the templates in `assets/`; they need nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

from handoff.base.characters import revealed
from handoff.base.problems import Place, Problem
from handoff.base.report import counted
from handoff.base.secrets import masked
from handoff.preview.html import to_html, traced_to_html
from handoff.preview.watcher import PreviewSnapshot, Revision

if TYPE_CHECKING:
    from jinja2 import Environment

    from handoff.preview.index import Index

ASSETS = Path(__file__).parent / "assets"
View = Literal["document", "prompts"]


def content_policy(nonce: str) -> str:
    """The Content-Security-Policy of a page whose style and script have `nonce`."""
    own = f"'nonce-{nonce}'"
    return (
        f"default-src 'none'; style-src {own}; script-src {own}; connect-src 'self'; "
        "img-src 'self' data:; frame-src 'self'; worker-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


FRAME_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'nonce-{nonce}'; "
    "sandbox allow-scripts; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
"""Of the frame that draws diagrams: it has no origin, and nothing to load or to send to."""
IMAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'"
"""Of an image that is opened by itself: an SVG runs nothing."""


class Pages:
    """The pages of one run of the preview."""

    def __init__(self, root: Path, token: str) -> None:
        self._root = root
        self._token = token

    def session(self, revision: Revision, nonce: str, view: View) -> str:
        """The page of a session, which is updated as its files change."""
        parts = self.parts(revision, view)
        session = revision.snapshot.session
        return self._page(parts, nonce, session=session, view=view, version=revision.version)

    def document(self, path: str, markdown: str, nonce: str, read_at: datetime) -> str:
        """The page of another document, which is not updated."""
        bar = self._bar([path, f"as read at {read_at:%H:%M:%S}"], Place(path))
        parts = {"title": path, "bar": bar, "problems": "", "body": to_html(markdown, path)}
        return self._page(parts, nonce, view="other")

    def index(self, index: Index, nonce: str, read_at: datetime) -> str:
        """The page of all sessions, which is not updated."""
        body = _fill(
            "index.html",
            sessions=index.sessions,
            figures=index.figures,
            problems=[revealed(str(each)) for each in index.problems],
        )
        bar = self._bar(
            [counted(len(index.sessions), "session"), f"as read at {read_at:%H:%M:%S}"]
        )
        parts = {"title": "Sessions", "bar": bar, "problems": "", "body": masked(body)}
        return self._page(parts, nonce, view="index")

    def parts(self, revision: Revision, view: View) -> Mapping[str, str]:
        """What changes with the files: `title` is plain text, the others are HTML."""
        shown = revision.snapshot
        return {
            "version": revision.version,
            "title": f"{'' if shown.is_current else '⚠ '}{shown.session}",
            "bar": self._bar(_bar(shown), Place(f"sessions/{shown.session}.yaml")),
            "problems": self._problems(shown),
            "body": _body(shown, view),
        }

    def editor(self, place: Place) -> str:
        """The address that opens a place in the editor; empty for none in a file."""
        if not place.path or not (self._root / place.path).is_file():
            return ""
        at = [str(each) for each in (place.line, place.column) if each]
        return ":".join([f"vscode://file{quote(str(self._root / place.path))}", *at])

    def _page(
        self,
        parts: Mapping[str, str],
        nonce: str,
        *,
        view: str,
        session: str = "",
        version: str = "",
    ) -> str:
        from markupsafe import Markup

        html = {name: Markup(text) for name, text in parts.items() if name != "title"}
        names = {"session": session, "view": view, "nonce": nonce, "token": self._token}
        fields = {**html, **names, "title": parts["title"], "version": version}
        return _fill("page.html", **fields)

    def _bar(self, words: Sequence[str], place: Place | None = None) -> str:
        return _fill("bar.html", bar=words, editor=self.editor(place) if place else "")

    def _problems(self, shown: PreviewSnapshot) -> str:
        """Above the document; while there are errors, also how old the document is."""
        lines = [revealed(line) for line in shown.failure.splitlines()]
        kind, heading = "errors", "Fix these errors to see a document."
        if shown.is_current:
            kind = "warnings"
            heading = "Problems found in the files" if shown.problems or lines else ""
        elif shown.rendered_at is not None:
            at = f"{shown.rendered_at:%H:%M:%S}"
            heading = (
                f"The files have errors; below is the last document without errors, of {at}."
            )
        problems = [self._problem(each) for each in shown.problems]
        return masked(
            _fill("problems.html", kind=kind, heading=heading, problems=problems, lines=lines)
        )

    def _problem(self, problem: Problem) -> Mapping[str, str]:
        return {
            "level": problem.level,
            "place": revealed(str(problem.place)),
            "message": revealed(problem.message),
            "code": problem.code,
            "editor": self.editor(problem.place),
        }


def _bar(shown: PreviewSnapshot) -> list[str]:
    document = shown.document
    if document is None:
        return [shown.session]
    return [
        shown.session,
        document.status,
        f"filled {document.filled} of {document.leaves}",
        shown.origin,
        f"rendered {shown.rendered_at:%H:%M:%S}",
    ]


def _body(shown: PreviewSnapshot, view: View) -> str:
    document = shown.document
    if document is None:
        return "<p>There is no document yet.</p>"
    if view == "prompts":
        return _fill("prompts.html", session=shown.session, prompts=document.prompts)
    return traced_to_html(shown.marked, document.path, tuple(document.prompts.values()))


def render_asset(name: str, nonce: str) -> str:
    """The HTML file `name` of the package."""
    return _fill(name, nonce=nonce)


def _fill(name: str, **values: object) -> str:
    return _templates().get_template(name).render(**values)


@cache
def _templates() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(ASSETS), autoescape=True, undefined=StrictUndefined
    )
