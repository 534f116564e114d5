"""Write the tables of keys in session-format.md and settings.md: `python docs/tables.py`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from inspect import getdoc
from pathlib import Path
from typing import get_args

from handoff.project import settings
from handoff.session import keys, model, titles
from handoff.session.shapes import Key
from handoff.session.tables import type_rows

FOLDER = Path(__file__).parent


def session_rows() -> Iterator[tuple[str, ...]]:
    yield ("key", "value", "description")
    yield from (_row(key.name, key) for key in keys.KEYS)


def nested_rows() -> Iterator[tuple[str, ...]]:
    yield ("key", "value", "description")
    seen: set[int] = set()
    for path, key in keys.paths():
        if path.startswith("titles."):  # they have a table of their own
            continue
        if key not in keys.KEYS and id(key) not in seen:  # `prompts` has the keys of `prompt`
            seen.add(id(key))
            yield _row(path, key)


def title_rows() -> Iterator[tuple[str, ...]]:
    yield ("key", "in `handoff`", "in `brief`")
    for each in titles.TITLES:
        own, brief = each.handoff[0], (each.brief or each.handoff)[0]
        yield f"`{each.key}`", own, brief


_PARTS = (
    *(model.Entry, model.ChecklistItem, model.TableColumn, model.Purpose),
    *(model.RowsColumn, model.Option, model.CommandOutput),
    *(model.Action, model.Contingency, model.Reasoned, model.Severity, model.Checkpoint),
    *(model.Timestamp, model.Created, model.Next, model.Prompt, model.FileToRead),
    *(model.Section, model.DocumentLink),
)
"""What content and keys are made of, in addition to the kinds of content."""


def node_rows() -> Iterator[tuple[str, ...]]:
    yield ("kind", "is", "attributes")
    for kind in (*get_args(model.Content), *_PARTS):
        first = (getdoc(kind) or "").partition("\n")[0].removesuffix(".")
        names = [name for name in kind.__struct_fields__ if name != "place"]
        is_what = re.sub(r"\{\{.*?\}\}(?!`)", r"`\g<0>`", first)
        yield kind.__name__, is_what, ", ".join(f"`{name}`" for name in names)


def settings_rows() -> Iterator[tuple[str, ...]]:
    yield ("key", "value", "default", "description")
    for path, key in settings.paths():
        name, value, description = _row(path, key)
        yield name, value, _default(path), description


def _row(path: str, key: Key) -> tuple[str, str, str]:
    see = f", see {key.see}" if key.see else ""
    description = f"{key.description.removesuffix('.')}{see}"
    # code in a description for editors is plain text
    words = re.sub(r"\{\{.*?\}\}|<date>\S*\.md|\*(?= in)", r"`\g<0>`", description)
    return f"`{path}`", key.shape.words, words


def _default(path: str) -> str:
    value: object = settings.Settings()
    for name in path.split("."):
        value = getattr(value, name, None)
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value}`" if isinstance(value, str | int | float) else ""


def table(rows: Iterable[tuple[str, ...]]) -> str:
    head, *others = rows
    lines = [head, ("---",) * len(head), *others]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


TABLES = {
    "session-format.md": {
        "keys": session_rows,
        "nested keys": nested_rows,
        "titles": title_rows,
        "column types": type_rows,
    },
    "settings.md": {"settings": settings_rows},
    "templates.md": {"content": node_rows},
}


def with_tables(page: str) -> str:
    """The page with its tables as the code has them."""
    text = (FOLDER / page).read_text("utf-8")
    for name, rows in TABLES[page].items():
        pattern = rf"(<!-- {name}: docs/tables.py -->\n).*?(<!-- end -->)"
        made = table(rows())
        text, count = re.subn(
            pattern, lambda m, t=made: f"{m[1]}\n{t}\n{m[2]}", text, flags=re.DOTALL
        )
        assert count == 1, f"{page} has no place for '{name}'"
    return text


if __name__ == "__main__":
    for page in TABLES:
        (FOLDER / page).write_text(with_tables(page), "utf-8")
