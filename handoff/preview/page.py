"""The page around a document: what it says, in HTML that needs nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from html import escape
from pathlib import Path
from string import Template

from handoff.base.problems import Problem
from handoff.base.report import printable
from handoff.preview.html import hypertext
from handoff.preview.snapshot import PreviewSnapshot
from handoff.preview.watcher import Revision

_HERE = Path(__file__).parent


def policy(nonce: str) -> str:
    """The Content-Security-Policy of a page whose style and script have `nonce`."""
    own = f"'nonce-{nonce}'"
    return (
        f"default-src 'none'; style-src {own}; script-src {own}; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def following(edition: Revision, nonce: str) -> str:
    """The page that follows the session."""
    return _page(parts(edition.shown), nonce, version=edition.version)


def other(path: str, markdown: str, nonce: str, *, read_at: datetime) -> str:
    """The page of another document, which stays as it was read."""
    bar = f"<strong>{escape(path)}</strong><span>as read at {read_at:%H:%M:%S}</span>"
    back = '<a href="/">back to the preview</a>'
    shown = {"title": path, "bar": bar + back, "notes": "", "body": hypertext(markdown, path)}
    return _page(shown, nonce, version="")


def parts(shown: PreviewSnapshot) -> Mapping[str, str]:
    """What of the page changes as the files do: its title in plain text, the rest HTML."""
    document = shown.document
    body = "<p>There is no document yet.</p>"
    if document is not None:
        body = hypertext(document.text, document.path, tuple(document.prompts.values()))
    return {
        "title": f"{'' if shown.is_current else '⚠ '}{shown.session}",
        "bar": "".join(f"<span>{escape(words)}</span>" for words in _bar(shown)),
        "notes": _notes(shown),
        "body": body,
    }


def _page(shown: Mapping[str, str], nonce: str, *, version: str) -> str:
    words = {**shown, "title": escape(shown["title"])}
    style, script = (_beside(f"page.{kind}") for kind in ("css", "js"))
    return Template(_beside("page.html")).substitute(
        words, nonce=nonce, version=version, style=style, script=script
    )


def _beside(name: str) -> str:
    return (_HERE / name).read_text("utf-8")


def _bar(shown: PreviewSnapshot) -> Iterator[str]:
    yield shown.session
    document = shown.document
    if document is not None and shown.made_at is not None:
        yield document.status
        yield f"filled {document.filled} of {document.leaves}"
        yield shown.recorded
        yield f"made {shown.made_at:%H:%M:%S}"


def _notes(shown: PreviewSnapshot) -> str:
    """What is to be told above the document."""
    lines = [_problem(each) for each in shown.problems]
    lines += [f"<li>{escape(printable(line))}</li>" for line in shown.failure.splitlines()]
    if shown.is_current:
        return _told("notes", "Found in the files", lines) if lines else ""
    return _told("mistakes", _standing(shown), lines)


def _standing(shown: PreviewSnapshot) -> str:
    """What the document below still is while there are mistakes."""
    if shown.made_at is None:
        return "No document can be made of the files as they are now."
    at = f"{shown.made_at:%H:%M:%S}"
    return f"Not of the files as they are now: below stands the last good document, of {at}."


def _told(kind: str, heading: str, lines: list[str]) -> str:
    return f'<div class="{kind}"><h2>{escape(heading)}</h2><ul>{"".join(lines)}</ul></div>'


def _problem(problem: Problem) -> str:
    place, message = escape(printable(str(problem.place))), escape(printable(problem.message))
    return (
        f'<li class="{problem.level}"><code>{place}</code>: {problem.level}: '
        f"{message} ({problem.code})</li>"
    )
