"""A key is written once, in a table; everything else is derived from it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from handoff.base.problems import KeyPath
from handoff.project import settings
from handoff.session.decode import load
from handoff.session.keys import key_at
from handoff.session.walk import leaves
from handoff.yaml.decode import Decoder, json_value

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
FIXTURES = Path(__file__).parent / "fixtures/settings"
RISKS = """\
    Key(
        "risks",
        CONTENT,
        "What may go wrong.",
        carry="items",
        carry_comment="remove what is over",
        starts="always",
        hint="an item each",
        has_items=True,
    ),
"""
TEMPLATE = """\
{% extends 'package/handoff.md.j2' %}
{% block findings %}{% endblock %}
{% block header %}{{ super() }}
{{ session.risks | labelled('Risks') }}{% endblock %}
"""


class Copy:
    """The package with a line in its table of keys, and a project to use it in."""

    def __init__(self, folder: Path) -> None:
        self.package, self.project = folder / "package", folder / "project"
        for name in ("handoff", "templates", "sql", "docs"):
            shutil.copytree(ROOT / name, self.package / name)
        table = self.package / "handoff/session/keys.py"
        before = '    Key("summary", '
        text = table.read_text("utf-8")
        assert text.count(before) == 1
        table.write_text(text.replace(before, RISKS + before), "utf-8")
        (self.project / "sessions").mkdir(parents=True)
        (self.project / "templates").mkdir()
        (self.project / "handoff.yaml").write_text("engine: duckdb\n", "utf-8")
        (self.project / "templates/handoff.md.j2").write_text(TEMPLATE, "utf-8")

    def write(self, rest: str) -> None:
        head = "session: 1\ntitle: One\ncreated: 2026-01-03\n"
        (self.project / "sessions/session-1.yaml").write_text(head + rest, "utf-8")

    def read(self, name: str = "session-1") -> str:
        return (self.project / f"sessions/{name}.yaml").read_text("utf-8")

    def handoff(self, *words: str, **variables: str) -> str:
        code = "import sys; from handoff.commands import main; sys.exit(main())"
        return self.python("-c", code, *words, **variables)

    def python(self, *words: str, **variables: str) -> str:
        done = subprocess.run(
            [sys.executable, *words],
            cwd=self.project,
            env={**os.environ, "PYTHONPATH": str(self.package), **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    return Copy(tmp_path_factory.mktemp("copy"))


def test_new_key_is_in_the_schema(copy: Copy) -> None:
    schema = json.loads(copy.handoff("schema"))

    assert schema["properties"]["risks"] == {
        "$ref": "#/$defs/content",
        "description": "What may go wrong.",
    }


def test_new_key_has_a_row_in_the_docs(copy: Copy) -> None:
    copy.python(str(copy.package / "docs/tables.py"))

    page = (copy.package / "docs/session-format.md").read_text("utf-8")
    assert "| `risks` | [content](#content) | What may go wrong |\n" in page


def test_new_key_is_read_and_printed(copy: Copy) -> None:
    copy.write("risks:\n  - The quota\n")

    assert "**Risks**:\n- The quota\n" in copy.handoff("render", "session-1", "--stdout")


def test_new_key_is_set_in_its_place(copy: Copy) -> None:
    copy.write("goal: x\nmetrics: y\n")

    copy.handoff("set", "session-1", "risks", "The quota")

    assert copy.read().endswith("goal: x\nrisks: The quota\nmetrics: y\n")


def test_blank_of_a_new_key_is_listed_with_its_command(copy: Copy) -> None:
    copy.write("risks:\n")

    (blank,) = json.loads(copy.handoff("todo", "session-1", "--json", "--places"))["open"]

    assert (blank["set"], blank["text"]) == ("risks", "[TO BE FILLED]")
    assert blank["command"] == "handoff add session-1 risks '…'"


def test_new_key_is_carried_over(copy: Copy) -> None:
    copy.write("risks: [The quota]\nnext: {id: session-2}\n")

    copy.handoff("new")

    carried = "# remove what is over\nrisks:\n  - The quota (from session-1)\n"
    assert carried in copy.read("session-2")


def test_new_key_is_completed(copy: Copy) -> None:
    copy.write("")
    words = "\n".join(["handoff", "set", "session-1", "ri"])

    offered = copy.handoff(_HANDOFF_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD="3")

    assert offered.split() == ["risks"]


# --- the tables ------------------------------------------------------------------------


@pytest.mark.parametrize("page", ["session-format.md", "settings.md", "templates.md"])
def test_docs_have_the_tables_of_the_code(page: str) -> None:
    sys.path.insert(0, str(DOCS))
    import tables

    assert (DOCS / page).read_text("utf-8") == tables.with_tables(page)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (("severity",), "How closely the receiver has to look."),
        (("actions", 0, "due"), "By when: 2026-01-03, August, Q3 or Friday."),
        (("prompts", "review", "read"), "The files to read first."),
        (("findings", 2, "evidence"), "What proves it."),
        (("findings", "Some label"), None),
        (("findings", 2), None),
        (("prompts", "read"), None),
        (("nothing",), None),
    ],
)
def test_key_at_a_place(path: KeyPath, expected: str | None) -> None:
    key = key_at(path)

    assert (key.description if key else None) == expected


def test_walk_has_the_order_of_the_table() -> None:
    content = ("goal", "decisions", "summary", "insights", "next", "metrics", "tried")
    values = {"summary": "{a: b}", "next": "{title: x}", "tried": "[x]"}
    lines = [f"{key}: {values.get(key, 'x')}\n" for key in reversed(content)]
    head = "session: 1\ntitle: One\ncreated: 2026-01-03\n"

    session, _ = load((head + "".join(lines)).encode(), "s", "s.yaml")

    assert tuple(leaf.path[0] for leaf in leaves(session)) == content


# --- the settings ----------------------------------------------------------------------

VALIDATOR = Draft202012Validator(dict(settings.SCHEMA))


def complaints(file: str) -> set[KeyPath]:
    node = Decoder(file).root((FIXTURES / file).read_bytes())
    assert node is not None
    errors = VALIDATOR.iter_errors(json_value(node))
    return {tuple(error.absolute_path) for error in errors}


def test_settings_schema_accepts_valid_settings() -> None:
    Draft202012Validator.check_schema(dict(settings.SCHEMA))

    assert complaints("all.yaml") == set()


def test_settings_schema_refuses_invalid_settings() -> None:
    assert complaints("bad.yaml") == {
        (),
        ("engine",),
        ("bigquery",),
        *(("bigquery", key) for key in ("concurrency", "max_bytes_query", "price_per_tib")),
        ("progress",),
        ("prompt", "budget_tokens"),
        ("archive",),
        ("archive", "by"),
        ("titles",),
        *(("titles", key) for key in ("next", "goal")),
        ("titles", "files", 1),
        *(("secrets", "allow", n) for n in (0, 2, 3)),
        ("secrets", "allow", 1, "rule"),
    }
