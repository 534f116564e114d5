"""The last step of a document: its blank lines and line ends put in order.

One pure pass, so that templates may be written for the eye. Fences are left as they are.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from handoff.base.patterns import lazy_pattern

KEPT = "\ufdd0"
"""Ends a line that stands as it is; no character of any text (Unicode 16 §23.7)."""
_SPACE = " \t"
"""White space to Markdown: a no-break space is text (CommonMark 0.31 §2.1)."""
_OPENS = lazy_pattern(r"([ \t]*(?:(?:[-+*]|\d{1,9}[.)])[ \t]+)*)(`{3,}(?=[^`]*$)|~{3,})")


class _Fence(Struct, frozen=True):
    mark: str
    column: int

    def ends_with(self, line: str) -> bool:
        """Whether `line` closes the fence (CommonMark 0.31 §4.5)."""
        text = line.strip(_SPACE)
        return (
            text.startswith(self.mark)
            and not text.strip(self.mark[0])
            and _indent(line) < self.column + 4
        )

    def is_left_by(self, line: str) -> bool:
        """Whether `line` stands outside the list item that the fence was in."""
        return bool(line.strip(_SPACE)) and _indent(line) < self.column - 3


def tidy(markdown: str) -> str:
    """`markdown` with single blank lines, no trailing spaces and one newline at its end.

    A hard line break keeps its two spaces, and what may be indented code its blank lines;
    lines that end with KEPT stay as they are.
    Tidying twice changes nothing more.
    """
    lines: list[str] = []
    fence: _Fence | None = None
    blank, breaks = 0, False
    for line in markdown.replace("\r\n", "\n").split("\n"):
        if line.endswith(KEPT):
            lines += [""] * (blank > 0 and bool(lines))
            lines.append(line.removesuffix(KEPT))
            fence, blank, breaks = None, 0, False
            continue
        if fence and not fence.is_left_by(line):
            lines.append(line)
            fence = None if fence.ends_with(line) else fence
            continue
        fence = _fence(line)
        if not line.strip(_SPACE):
            blank += 1
            continue
        if blank and lines:
            lines += [""] * (blank if _is_code(lines[-1]) and _is_code(line) else 1)
        elif breaks and lines:
            lines[-1] += "  "
        lines.append(line if fence else line.rstrip(_SPACE))
        breaks, blank = not fence and line.endswith("  "), 0
    return "\n".join(lines).rstrip("\n") + "\n"


def prose(markdown: str) -> Iterator[tuple[str, bool]]:
    """Each line, and whether it stands outside fences; a fence's own lines do not."""
    fence: _Fence | None = None
    for line in markdown.split("\n"):
        if fence and not fence.is_left_by(line):
            yield line, False
            fence = None if fence.ends_with(line) else fence
            continue
        fence = _fence(line)
        yield line, fence is None


def _fence(line: str) -> _Fence | None:
    found = _OPENS.match(line)
    return _Fence(found[2], len(found[1])) if found else None


def _is_code(line: str) -> bool:
    """Whether `line` may be of an indented code block (CommonMark 0.31 §4.4)."""
    return line.startswith("    ") or line[:4].lstrip(" ").startswith("\t")


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(_SPACE))
