"""The titles and labels of a document, each written once.

From `TITLES` come what the templates print as `titles.<key>`, the keys of `titles:` in a
session and in the settings, the headings that `import` recognizes, and the table in
`docs/session-format.md`.
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping

from msgspec import Struct

from handoff.base.patterns import lazy_pattern
from handoff.session.shapes import (
    LINE,
    JsonSchema,
    Key,
    Shape,
    mapping_schema,
    read_keys,
    read_line,
    whole,
)
from handoff.yaml.decode import Decoder
from handoff.yaml.nodes import List, Node, is_null

ChosenTitles = Mapping[str, tuple[str, ...]]
"""By key the titles that an author chose: the first is printed, all are recognized."""
STYLES = ("handoff", "brief")
"""The templates with a wording of their own."""


class Title(Struct, frozen=True):
    """What stands above, or before, the content of a key.

    `{title}` and `{session}` are those of the next session; in `title` and `closing` those
    of this one. Of several titles the first is printed whose placeholders have a value.
    """

    key: str
    handoff: tuple[str, ...]
    brief: tuple[str, ...] = ()
    """The same as in `handoff` if empty."""

    def choose(self, style: str, chosen: ChosenTitles, known: Container[str]) -> str:
        """The title that a template in this style prints, where the placeholders `known`
        have a value.
        """
        own = (style == "brief" and self.brief) or self.handoff
        texts = (*chosen.get(self.key, ()), *own)
        return next(text for text in texts if all(n in known for n in placeholders(text)))


TITLES: tuple[Title, ...] = (
    Title("title", ("🎯 Session {session} Handoff: {title}",), ("Session {session}: {title}",)),
    Title("created", ("Created",)),
    Title("duration", ("Session Duration",), ("Duration",)),
    Title("status", ("Status",)),
    Title("blocked_by", ("Blocked by",)),
    Title("severity", ("Severity",)),
    Title("next_session", ("Next Session",), ("Next",)),
    Title("supersedes", ("Supersedes",)),
    Title("checkpoint", ("Next Checkpoint",), ("Next checkpoint",)),
    Title("accepted", ("Accepted",)),
    Title("summary", ("⚡ EXECUTIVE SUMMARY",), ("TL;DR",)),
    Title("goal", ("Session Goal",)),
    Title("checklist", ("Completion Status",)),
    Title("decisions", ("Key Decisions Made",), ("Decided",)),
    Title("findings", ("Critical Findings",), ("Found",)),
    Title("evidence", ("Evidence",)),
    Title(
        "accomplished",
        ("📋 WHAT WE ACCOMPLISHED",),
        ("Done, and how it was verified",),
    ),
    Title("open", ("Open",)),
    Title(
        "insights",
        ("🔍 KEY FINDINGS & INSIGHTS",),
        ("Worth knowing",),
    ),
    Title(
        "orchestrator",
        ("📊 CURRENT ORCHESTRATOR STATUS",),
        ("State",),
    ),
    Title("coverage", ("📈 COVERAGE",), ("Coverage",)),
    Title(
        "files",
        ("📁 KEY FILES CREATED/MODIFIED",),
        ("Where things live",),
    ),
    Title("commands", ("💻 COMMANDS",), ("Commands",)),
    Title("actions", ("📌 ACTIONS",), ("Actions",)),
    Title("unowned", ("Nobody yet",)),
    Title("waiting", ("Waiting",)),
    Title("parked", ("Parked",)),
    Title("do_not", ("🚫 DO NOT",), ("Do not",)),
    Title("tried", ("🧪 ALREADY TRIED",), ("Already tried",)),
    Title(
        "next",
        ("➡️ NEXT SESSION: {title}", "➡️ NEXT SESSION"),
        ("First moves",),
    ),
    Title("objectives", ("Session {session} Objectives", "Objectives")),
    Title("prerequisites", ("Prerequisites",), ("Before you start",)),
    Title("time", ("Time Estimate",), ("Time",)),
    Title(
        "prompt",
        ("🚀 HOW TO START SESSION {session}", "🚀 HOW TO START THE NEXT SESSION"),
        ("Prompt for the next session",),
    ),
    Title("paste", ("Copy-Paste This Message:",), ("Copy and paste:",)),
    Title(
        "troubleshooting",
        ("🔧 TROUBLESHOOTING",),
        ("If something goes wrong",),
    ),
    Title("metrics", ("📊 SESSION METRICS",), ("Metrics",)),
    Title("closing", ("Session {session} Status",)),
)
_BY_KEY: Mapping[str, Title] = {each.key: each for each in TITLES}
OF_THIS_SESSION = ("title", "closing")
"""Their placeholders are of this session, those of the others of the next one."""
PLACEHOLDER = lazy_pattern(r"\{(title|session)\}")


def placeholders(text: str) -> list[str]:
    return PLACEHOLDER.findall(text)


def title(key: str) -> str:
    """The first title of `key` in the template `handoff`."""
    return _BY_KEY[key].handoff[0]


def pattern(key: str) -> re.Pattern[str]:
    """What `handoff` prints as the title of `key`; its placeholders are groups."""
    either = []
    for text in _BY_KEY[key].handoff:
        parts = enumerate(PLACEHOLDER.split(text))  # words, a name, words, …
        either.append(
            "".join(f"(?P<{part}>.+?)" if n % 2 else re.escape(part) for n, part in parts)
        )
    return re.compile("|".join(either))


def join_titles(own: ChosenTitles, project: ChosenTitles) -> ChosenTitles:
    """Those of a session before those of its project."""
    return {key: (*own.get(key, ()), *project.get(key, ())) for key in {*own, *project}}


def own_titles(key: str) -> tuple[str, ...]:
    """The titles of `key` in the templates; none for a key without one."""
    known = _BY_KEY.get(key)
    return (*known.handoff, *known.brief) if known else ()


# --- the key `titles` ----------------------------------------------------------------------

_SHOWN = r"(?=\s*[^\s#])" + LINE
_TEXT: JsonSchema = {"type": ["string", "number"], "pattern": whole(_SHOWN)}


def _read_title(decoder: Decoder, node: Node | None) -> tuple[str, ...]:
    """One title, or a list of them."""
    given = node.nodes if isinstance(node, List) else (node,) if node else ()
    found = []
    for each in given:
        text = read_line(decoder, each)
        if text is not None and not re.match(r"\s*(#|$)", text):
            found.append(text)
        elif text is not None or (is_null(each) and each is not node):
            decoder.report("Y023", "expected the words of a title, without '#'", each)
    return tuple(found)


_TITLE = Shape(
    "text, or a list of it",
    _read_title,
    {**_TEXT, "type": ["string", "number", "array"], "items": _TEXT},
    example="Next steps",
)
_TITLE_KEYS = tuple(
    Key(each.key, _TITLE, f"In place of '{each.handoff[0]}'.") for each in TITLES
)


def _read_titles(decoder: Decoder, node: Node | None) -> ChosenTitles:
    found = read_keys(decoder, node, _TITLE_KEYS, "'titles'")
    return {key: texts for key, texts in found.items() if texts}


CHOSEN_TITLES = Shape(
    "`key: title`",
    _read_titles,
    mapping_schema(_TITLE_KEYS),
    _TITLE_KEYS,
    example="{next: Next steps}",
)
