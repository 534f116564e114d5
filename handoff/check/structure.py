"""The structure of a rendered document: where GitHub would show it otherwise than meant."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from handoff.base.markdown import Heading, Page, headings, line_of, links, parse_markdown, slug
from handoff.base.problems import Level, Place, Problem, nearest
from handoff.base.tree import Tree, is_outside

if TYPE_CHECKING:
    from markdown_it.token import Token

Rule = Callable[[Page, Tree], Iterator[Problem]]


def problems(text: str, path: str, tree: Tree) -> tuple[Problem, ...]:
    """What every rule finds in the document `text` that stands, or will stand, at `path`."""
    parsed = parse_markdown(text, path)
    return tuple(problem for rule in RULES for problem in rule(parsed, tree))


# --- the rules -------------------------------------------------------------------------


def unclosed_fence(page: Page, tree: Tree) -> Iterator[Problem]:
    """Everything below a fence that nobody closes is code to GitHub, headings and boxes too.

    Fails:

        ```sql
        SELECT 1
        ## Next steps
    """
    for fence in page.of_type("fence"):
        if not _is_closed(fence):
            message = f"fence opened with '{fence.markup}{_language(fence)}' is never closed"
            yield _problem(page, "D001", line_of(fence), message, "error")


def fence_in_fence(page: Page, tree: Tree) -> Iterator[Problem]:
    """A fence cannot hold one of its own length: the inner one's end closes the outer.

    Fails:

        ```
        Run this first:
        ```bash
        make test
        ```
        then read on
        ```
    """
    for fence in page.of_type("fence"):
        for offset, line in enumerate(fence.content.split("\n"), start=1):
            inner = _OPENING.match(line)
            if inner and inner[1].startswith(fence.markup):
                message = (
                    f"'{inner[1]}{inner[2]}' inside a fence of '{fence.markup}' ends it early, "
                    f"open the outer one with '{inner[1] + fence.markup[0]}'"
                )
                yield _problem(page, "D002", line_of(fence) + offset, message, "error")
                break


def heading_jump(page: Page, tree: Tree) -> Iterator[Problem]:
    """A heading two levels deeper than the one above has no parent in the outline.

    Fails:

        # Session 1
        ### Findings
    """
    above = 0
    for heading in headings(page):
        if heading.level > above + 1 and above:
            message = (
                f"heading '{heading.text}' is level {heading.level} below level {above}, "
                f"expected level {above + 1} at most"
            )
            yield _problem(page, "D003", heading.line, message)
        above = heading.level


def ragged_row(page: Page, tree: Tree) -> Iterator[Problem]:
    """GitHub drops the cells a table's header has no column for, and pads short rows silently.

    Fails:

        | phase | done |
        |-------|------|
        | 1     | 514  | 33.4 % |
    """
    width = 0
    for token, following in zip(page.tokens, page.tokens[1:], strict=False):
        if token.type == "thead_open":
            width = 0
        width += token.type == "th_open"
        if token.type == "tr_open" and following.type == "td_open":
            found = _cells(page.lines[line_of(token) - 1])
            message = f"row has {found} cells, its header {width}"
            if found > width:
                lost = f"{message}, the rest is not shown"
                yield _problem(page, "D004", line_of(token), lost, "error")
            if found < width:
                yield _problem(page, "D004", line_of(token), message)


def no_table(page: Page, tree: Tree) -> Iterator[Problem]:
    """A delimiter row that does not fit its header leaves a paragraph full of pipes.

    Fails:

        | phase | done | total |
        |-------|------|
        | 1     | 514  | 1537  |
    """
    for paragraph in page.of_type("paragraph_open"):
        first, end = paragraph.map or (0, 0)
        for number in range(first + 1, end):
            if _DELIMITER.fullmatch(_bare(page.lines[number])):
                header, row = _cells(page.lines[number - 1]), _cells(page.lines[number])
                message = f"no table: the header has {header} cells, the row of dashes {row}"
                yield _problem(page, "D005", number + 1, message, "error")


def same_anchor(page: Page, tree: Tree) -> Iterator[Problem]:
    """Of two headings with one text, a link reaches only the first.

    A note where they stand under different parents, as `Testing` under each part may.

    Fails:

        ## Findings
        ## Findings
    """
    first: dict[str, tuple[tuple[str, ...], int]] = {}
    for heading, parents in _with_parents(headings(page)):
        name = slug(heading.text)
        if name not in first:
            first[name] = parents, heading.line
            continue
        parents_of_first, line = first[name]
        level: Level = "warning" if parents == parents_of_first else "note"
        message = f"heading '{heading.text}' stands at line {line} too, '#{name}' leads there"
        yield _problem(page, "D006", heading.line, message, level)


def missing_file(page: Page, tree: Tree) -> Iterator[Problem]:
    """A link or an image that leads nowhere; half of those in old handoffs do.

    Fails:

        See [the runbook](../runbooks/phase4.md).
    """
    for link in links(page):
        target = _target(page.path, link.target)
        if target is None or tree.has(target):
            continue
        if is_outside(target):
            message = f"link '{unquote(link.target)}' leads out of the repository"
        else:
            message = f"link '{unquote(link.target)}' leads to no file{tree.nearest(target)}"
        yield _problem(page, "D007", link.line, message)


def missing_anchor(page: Page, tree: Tree) -> Iterator[Problem]:
    """A link to a heading that was renamed scrolls nowhere, without a word.

    Fails:

        [Findings](#findings) above `## Key findings`
    """
    anchors = {heading.anchor for heading in headings(page)} | _html_anchors(page)
    for link in links(page):
        name = unquote(link.target).removeprefix("#")
        if link.target.startswith("#") and name not in {"", *anchors}:
            message = f"link '#{name}' names no heading{nearest(name, anchors)}"
            yield _problem(page, "D008", link.line, message)


def setext_heading(page: Page, tree: Tree) -> Iterator[Problem]:
    """A rule of dashes right below a line makes that line a heading (CommonMark 0.31 §4.3).

    Fails:

        Session closed at 16:20.
        ---
    """
    for heading in headings(page):
        if heading.setext:
            message = (
                f"the line below makes '{heading.text}' a heading, "
                "put a blank line between them or write '#'"
            )
            yield _problem(page, "D009", heading.line, message)


def open_comment(page: Page, tree: Tree) -> Iterator[Problem]:
    """A comment without its end hides the rest of the document.

    Fails:

        <!-- ask about the ETA
    """
    for block in page.of_type("html_block"):
        if block.content.lstrip().startswith("<!--") and "-->" not in block.content:
            message = "'<!--' is never closed with '-->': what follows is not shown"
            yield _problem(page, "D010", line_of(block), message, "error")


RULES: tuple[Rule, ...] = (
    unclosed_fence,
    fence_in_fence,
    heading_jump,
    ragged_row,
    no_table,
    same_anchor,
    missing_file,
    missing_anchor,
    setext_heading,
    open_comment,
)


# --- helpers ---------------------------------------------------------------------------

_OPENING = re.compile(r" {0,3}(`{3,}|~{3,}) *([A-Za-z][\w+-]*)[^`]*$")
_DELIMITER = re.compile(r"\|?( *:?-+:? *\|)+( *:?-+:?)?")
_HTML_ANCHOR = re.compile(r"""<a\s[^<>]*?\b(?:id|name)=["']?([^"'\s>]+)""", re.IGNORECASE)
_PIPE = re.compile(r"\\.|(\|)")


def _problem(
    page: Page, code: str, line: int, message: str, level: Level = "warning"
) -> Problem:
    return Problem(code, message, Place(page.path, line), level)


def _is_closed(fence: Token) -> bool:
    first, end = fence.map or (0, 0)
    return fence.content.count("\n") == end - first - 2


def _language(fence: Token) -> str:
    return fence.info.split()[0] if fence.info.strip() else ""


def _bare(line: str) -> str:
    """A line out of the quotation and the indentation it stands in."""
    return line.strip(" \t>")


def _cells(row: str) -> int:
    """How many cells a row's source has; `\\|` is no border, also in backticks (GFM §4.10)."""
    bare = _bare(row).removeprefix("|")
    borders = [match.end() for match in _PIPE.finditer(bare) if match[1]]
    closed = bool(borders) and borders[-1] == len(bare)
    return len(borders) + (not closed)


def _with_parents(
    headings: Sequence[Heading],
) -> Iterator[tuple[Heading, tuple[str, ...]]]:
    trail: list[Heading] = []
    for heading in headings:
        trail = [above for above in trail if above.level < heading.level]
        yield heading, tuple(above.anchor for above in trail)
        trail.append(heading)


def _html_anchors(page: Page) -> set[str]:
    blocks = [token.content for token in page.tokens if token.type in ("html_block", "inline")]
    return {name for block in blocks for name in _HTML_ANCHOR.findall(block)}


def _target(path: str, link: str) -> str | None:
    """The file a link leads to, from the root; `None` for other sites and the page itself."""
    try:
        parts = urlsplit(link)
    except ValueError:  # brackets that are no IPv6 address: surely no file
        return None
    if parts.scheme or parts.netloc or not parts.path:
        return None
    target = unquote(parts.path)
    if target.startswith("/"):  # GitHub takes these from the repository's root
        return posixpath.normpath(target.lstrip("/"))
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
