"""The HTML page around a document; it needs nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from html import escape
from pathlib import Path
from string import Template

from handoff.base.characters import revealed
from handoff.base.problems import Problem
from handoff.preview.html import code_styles, to_html
from handoff.preview.watcher import PreviewSnapshot, Revision

_FOLDER = Path(__file__).parent


def content_policy(nonce: str) -> str:
    """The Content-Security-Policy of a page whose style and script have `nonce`."""
    own = f"'nonce-{nonce}'"
    return (
        f"default-src 'none'; style-src {own}; script-src {own}; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def session_page(revision: Revision, nonce: str) -> str:
    """The page of the session, which is updated as its files change."""
    return _page(page_parts(revision.snapshot), nonce, version=revision.version)


def document_page(path: str, markdown: str, nonce: str, *, read_at: datetime) -> str:
    """The page of another document, which is not updated."""
    bar = f"<strong>{escape(path)}</strong><span>as read at {read_at:%H:%M:%S}</span>"
    back = '<a href="/">back to the preview</a>'
    parts = {"title": path, "bar": bar + back, "problems": "", "body": to_html(markdown, path)}
    return _page(parts, nonce, version="")


def page_parts(shown: PreviewSnapshot) -> Mapping[str, str]:
    """The parts that change with the files: `title` is plain text, the others are HTML."""
    document = shown.document
    body = "<p>There is no document yet.</p>"
    if document is not None:
        body = to_html(document.text, document.path, tuple(document.prompts.values()))
    return {
        "title": f"{'' if shown.is_current else '⚠ '}{shown.session}",
        "bar": "".join(f"<span>{escape(each)}</span>" for each in _bar(shown)),
        "problems": _problems(shown),
        "body": body,
    }


def _page(parts: Mapping[str, str], nonce: str, *, version: str) -> str:
    html, style, script = (
        (_FOLDER / f"page.{kind}").read_text("utf-8") for kind in ("html", "css", "js")
    )
    return Template(html).substitute(
        {**parts, "title": escape(parts["title"])},
        nonce=nonce,
        version=version,
        style=style + code_styles(),
        script=script,
    )


def _bar(shown: PreviewSnapshot) -> Iterator[str]:
    yield shown.session
    document = shown.document
    if document is not None:
        yield document.status
        yield f"filled {document.filled} of {document.leaves}"
        yield shown.values
        yield f"rendered {shown.rendered_at:%H:%M:%S}"


def _problems(shown: PreviewSnapshot) -> str:
    """The problems above the document; while there are errors, also how old the document is."""
    lines = [_problem(each) for each in shown.problems]
    lines += [f"<li>{escape(revealed(line))}</li>" for line in shown.failure.splitlines()]
    if not lines and shown.is_current:
        return ""
    kind, heading = "errors", "Fix these errors to see a document."
    if shown.is_current:
        kind, heading = "warnings", "Problems found in the files"
    elif shown.rendered_at is not None:
        at = f"{shown.rendered_at:%H:%M:%S}"
        heading = f"The files have errors; below is the last document without errors, of {at}."
    return f'<div class="{kind}"><h2>{heading}</h2><ul>{"".join(lines)}</ul></div>'


def _problem(problem: Problem) -> str:
    place, message = escape(revealed(str(problem.place))), escape(revealed(problem.message))
    return (
        f'<li class="{problem.level}"><code>{place}</code>: {problem.level}: '
        f"{message} ({problem.code})</li>"
    )
