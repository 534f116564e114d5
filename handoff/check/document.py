"""The structure of a Markdown document: where GitHub shows it differently than intended."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from urllib.parse import unquote, urlsplit

from handoff.base.conflict_markers import MESSAGE as MERGE_CONFLICT
from handoff.base.conflict_markers import conflicts
from handoff.base.fences import fence_problem
from handoff.base.markdown import Heading, Page, headings, line_of, parse_repaired, slug
from handoff.base.problems import Level, nearest
from handoff.base.tree import is_outside
from handoff.check.rule import DocumentContext, Finding, rule


@rule("D001", "error", "a fence is never closed")
def unclosed_fence(document: DocumentContext) -> Iterator[Finding]:
    """GitHub shows everything below an unclosed fence as code, headings and checklists too.

    Fails:

        ```sql
        SELECT 1
        ## Next steps
    """
    yield from _fence_problems(document, "D001")


@rule("D002", "error", "a fence inside a fence of its own length ends it early")
def fence_in_fence(document: DocumentContext) -> Iterator[Finding]:
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
    yield from _fence_problems(document, "D002")


def _fence_problems(document: DocumentContext, code: str) -> Iterator[Finding]:
    for fence in document.page.fences:
        found = fence_problem(fence, document.page.lines)
        if found and found[0] == code:
            yield document.place(fence.first), found[1]


@rule("D003", "warning", "a heading is more than one level below the one above")
def heading_jump(document: DocumentContext) -> Iterator[Finding]:
    """A heading two levels deeper than the one above has no parent in the outline.

    Fails:

        # Session 1
        ### Findings
    """
    above = 0
    for heading in document.headings:
        if heading.level > above + 1 and above:
            message = (
                f"heading '{heading.text}' is level {heading.level} below level {above}, "
                f"expected level {above + 1} at most"
            )
            yield document.place(heading.line), message
        above = heading.level


@rule("D004", "error", "a table row has more cells than its header (error) or fewer", "warning")
def ragged_row(document: DocumentContext) -> Iterator[Finding]:
    """GitHub drops the cells a table's header has no column for, and pads short rows silently.

    Fails:

        | phase | done |
        |-------|------|
        | 1     | 514  | 33.4 % |
    """
    width = 0
    for token, following in zip(document.page.tokens, document.page.tokens[1:], strict=False):
        if token.type == "thead_open":
            width = 0
        width += token.type == "th_open"
        if token.type == "tr_open" and following.type == "td_open":
            found = _cells(document.page.lines[line_of(token) - 1])
            message = f"row has {found} cells, but its header {width}"
            if found > width:
                lost = f"{message}; the rest is not shown"
                yield document.place(line_of(token)), lost
            if found < width:
                yield document.place(line_of(token)), message, "warning"


@rule("D005", "error", "a delimiter row does not fit its header, so there is no table")
def no_table(document: DocumentContext) -> Iterator[Finding]:
    """A delimiter row that does not fit its header leaves a paragraph full of pipes.

    Fails:

        | phase | done | total |
        |-------|------|
        | 1     | 514  | 1537  |
    """
    lines = document.page.lines
    for paragraph in document.page.of_type("paragraph_open"):
        first, end = paragraph.map or (0, 0)
        for number in range(first + 1, end):
            if _DELIMITER.fullmatch(_bare(lines[number])):
                header, row = (
                    _cells(document.page.lines[number - 1]),
                    _cells(document.page.lines[number]),
                )
                message = f"not a table: the header has {header} cells, the delimiter row {row}"
                yield document.place(number + 1), message


@rule("D006", "warning", "two headings share an anchor; a note under different parents", "note")
def same_anchor(document: DocumentContext) -> Iterator[Finding]:
    """A link reaches only the first of two headings with the same text.

    A note if they have different parents, as `Testing` under each part may.

    Fails:

        ## Findings
        ## Findings
    """
    first: dict[str, tuple[tuple[str, ...], int]] = {}
    for heading, parents in _with_parents(document.headings):
        name = slug(heading.text)
        if name not in first:
            first[name] = parents, heading.line
            continue
        parents_of_first, line = first[name]
        level: Level = "warning" if parents == parents_of_first else "note"
        message = f"duplicate heading '{heading.text}': '#{name}' points to line {line}"
        yield document.place(heading.line), message, level


@rule("D007", "warning", "a link or an image to a missing file or out of the repository")
def missing_file(document: DocumentContext) -> Iterator[Finding]:
    """Half of the links and images in old handoffs point to nothing.

    Fails:

        See [the runbook](../runbooks/phase4.md).
    """
    for link in document.links:
        target = _target(document.page.path, link.target)
        if target is None or document.tree.has(target):
            continue
        if is_outside(target):
            message = f"link '{unquote(link.target)}' points outside the repository"
        else:
            message = f"link '{unquote(link.target)}' points to no file"
            message += document.tree.nearest(target)
        yield document.place(link.line), message


@rule("D008", "warning", "a link names a heading that does not exist")
def missing_anchor(document: DocumentContext) -> Iterator[Finding]:
    """A link to a renamed heading does nothing, without an error.

    Fails:

        [Findings](#findings) above `## Key findings`
    """
    anchors = {heading.anchor for heading in document.headings} | _html_anchors(document.page)
    for link in document.links:
        name = unquote(link.target).removeprefix("#")
        if link.target.startswith("#") and name not in {"", *anchors}:
            message = f"link '#{name}' points to no heading{nearest(name, anchors)}"
            yield document.place(link.line), message
        elif "#" in link.target[1:] and (message := _anchor_elsewhere(document, link.target)):
            yield document.place(link.line), message


def _anchor_elsewhere(document: DocumentContext, link: str) -> str:
    """What is wrong with a link to a heading of another document; empty if nothing is."""
    target, _, name = link.partition("#")
    path = _target(document.page.path, target)
    is_markdown = path is not None and path.endswith(".md") and not is_outside(path)
    text = document.read(path) if is_markdown and path is not None else None
    if text is None or re.fullmatch(r"L\d+(?:-L\d+)?", name):
        return ""
    page = parse_repaired(text, path or "")
    anchors = {each.anchor for each in headings(page)} | _html_anchors(page)
    if not name or unquote(name) in anchors:
        return ""
    return f"link '{unquote(link)}' points to no heading{nearest(unquote(name), anchors)}"


@rule("D009", "warning", "dashes right below a line make it a heading")
def setext_heading(document: DocumentContext) -> Iterator[Finding]:
    """A rule of dashes right below a line makes that line a heading (CommonMark 0.31 §4.3).

    An underline as long as its heading, or of `=`, is meant.

    Fails:

        Session closed at 16:20.
        ---
    """
    for heading in document.headings:
        if heading.setext and not _is_underlined(document.page.lines, heading):
            message = (
                f"the line below makes '{heading.text}' a heading; "
                "put a blank line between them or write '#'"
            )
            yield document.place(heading.line), message


@rule("D010", "error", "a comment is never closed and hides what follows")
def open_comment(document: DocumentContext) -> Iterator[Finding]:
    """A comment without its end hides the rest of the document.

    Fails:

        <!-- ask about the ETA
    """
    for block in document.page.of_type("html_block"):
        if block.content.lstrip().startswith("<!--") and "-->" not in block.content:
            message = "'<!--' is never closed with '-->'; what follows is not shown"
            yield document.place(line_of(block)), message


@rule("D014", "error", "a merge conflict")
def merge_conflict(document: DocumentContext) -> Iterator[Finding]:
    """The document has both sides of what git could not merge.

    Fails:

        <<<<<<< HEAD
        Status: running
        =======
        Status: done
        >>>>>>> branch
    """
    yield from ((document.place(line), MERGE_CONFLICT) for line in conflicts(document.text))


# --- helpers ---------------------------------------------------------------------------

_DELIMITER = re.compile(r"\|?( *:?-+:? *\|)+( *:?-+:?)?")
_HTML_ANCHOR = re.compile(r"""<a\s[^<>]*?\b(?:id|name)=["']?([^"'\s>]+)""", re.IGNORECASE)
_PIPE = re.compile(r"\\.|(\|)")


def _is_underlined(lines: Sequence[str], heading: Heading) -> bool:
    """Whether the line below is an underline of `heading` or ends front matter, and no rule."""
    if heading.line == 2 and lines[0].rstrip() == "---":
        return True
    text, below = (_bare(line) for line in lines[heading.line - 1 : heading.line + 1])
    is_as_long = len(below) > len("---") and abs(len(below) - len(text)) <= 2
    return below.strip("=") == "" or (below.strip("-") == "" and is_as_long)


def _bare(line: str) -> str:
    """A line without its quotation marks and indentation."""
    return line.strip(" \t>")


def _cells(row: str) -> int:
    """The number of cells in a row's source.

    `\\|` is not a border, not even in backticks (GFM §4.10).
    """
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
    """The file a link points to, from the root; `None` for other sites and the page itself."""
    try:
        parts = urlsplit(link)
    except ValueError:  # brackets that are not an IPv6 address: surely not a file
        return None
    if parts.scheme or parts.netloc or not parts.path:
        return None
    target = unquote(parts.path)
    if target.startswith("/"):  # GitHub takes these from the repository's root
        return posixpath.normpath(target.lstrip("/"))
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
