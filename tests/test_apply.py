"""apply: many changes of a session in one document, all or none."""

from __future__ import annotations

import json
from difflib import unified_diff
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from handoff import api
from handoff.base.problems import InvalidInput, KeyPath
from handoff.commands.runner import run
from handoff.edit.apply import apply_changes
from handoff.yaml.nodes import Node, Scalar, parse_yaml
from handoff.yaml.paths import format_path, walk

FIXTURE = yaml.safe_load(
    (Path(__file__).parent / "fixtures/authoring/apply.yaml").read_text("utf-8")
)
BEFORE = FIXTURE["before"]
S = "sessions/session-1.yaml"


def write_project(root: Path, session: str = BEFORE) -> None:
    (root / "sessions").mkdir(exist_ok=True)
    (root / S).write_bytes(session.encode())
    (root / "handoff.yaml").write_text("engine: duckdb\n")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def text(root: Path) -> str:
    return (root / S).read_bytes().decode()


def changed_lines(before: str, after: str) -> str:
    diff = [*unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")][2:]
    return "".join(f"{line}\n" for line in diff if not line.startswith("@@"))


@pytest.mark.parametrize("case", FIXTURE["cases"], ids=lambda case: case["name"])
def test_document_changes_its_places_or_nothing(
    root: Path, capfd: pytest.CaptureFixture[str], case: dict[str, Any]
) -> None:
    (root / "doc").write_text(case["apply"], "utf-8")

    code = run(["apply", "session-1", "doc"])

    messages = capfd.readouterr().err.splitlines()
    if "problems" in case:
        assert messages == [f"doc:{problem}" for problem in case["problems"]]
        assert (code, text(root)) == (1, BEFORE)
    else:
        assert messages == [f"{S}: {case['message']}"]
        assert (code, changed_lines(BEFORE, text(root))) == (0, case["lines"])


def test_document_from_standard_input(
    root: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    document = TextIOWrapper(BytesIO(b"set: {goal: 1, title: [a]}\n"))
    monkeypatch.setattr("sys.stdin", document)

    assert run(["apply", "session-1", "-"]) == 1

    message = "<stdin>:1:23: error: expected text, found a list"
    assert capfd.readouterr().err.startswith(message)


def test_missing_document_is_a_usage_error(
    root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["apply", "session-1", "nowhere.yaml"]) == 2

    message = "handoff: error: cannot read 'nowhere.yaml': No such file or directory\n"
    assert capfd.readouterr().err == message


# --- structured values and removal on the command line --------------------------------------

SHORT = "session: 1\ntitle: One\ncreated: 2026-11-30\nfindings:\nactions:\n"
COMMANDS = (
    (["add", "actions", "Ask"], 0, "  - Ask\n"),
    (["add", "actions", "{do: Ask, owner: Ann}"], 0, "  - {do: Ask, owner: Ann}\n"),
    (["add", "actions", '{"do": "Ask"}'], 0, "  - {do: Ask}\n"),
    (["add", "actions", "{do: Ask}", "--text"], 0, "  - '{do: Ask}'\n"),
    (["add", "actions", "{ask: Ann}"], 0, "  - '{ask: Ann}'\n"),
    (["add", "actions", "{do: Ask} now"], 0, "  - '{do: Ask} now'\n"),
    (["add", "actions", "{do: Ask, owner: A", "--yaml"], 1, None),
    (["set", "actions", "{do: Ask, owner: Ann}"], 0, "  - {do: Ask, owner: Ann}\n"),
    (["set", "actions", "[{do: Ask}, Look]", "--yaml"], 0, "  - {do: Ask}\n  - Look\n"),
    (["set", "actions", "x", "--yaml", "--text"], 2, None),
    (["set", "actions.0.owner", "Ann"], 2, None),
    (["set", "findings.0.evidence", "x"], 2, None),
)


@pytest.mark.parametrize(("words", "code", "lines"), COMMANDS, ids=str)
def test_structure_needs_known_keys_or_an_option(
    root: Path, words: list[str], code: int, lines: str | None
) -> None:
    write_project(root, SHORT)

    assert run([words[0], "session-1", *words[1:]]) == code

    assert text(root) == SHORT + (lines or "")


def test_the_fix_of_a_warning_about_owners_works(
    root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write_project(root, SHORT)

    assert run(["add", "session-1", "actions", "Ask vendor"]) == 0
    assert run(["set", "session-1", "actions.0.owner", "Ben"]) == 0
    assert run(["set", "session-1", "actions.0", "{do: Ask vendor, owner: Ben}"]) == 0
    assert run(["add", "session-1", "findings", '{text: In, evidence: "handoff.yaml"}']) == 0

    assert text(root) == SHORT.replace(
        "findings:\nactions:\n",
        "findings:\n  - {text: In, evidence: handoff.yaml}\n"
        "actions:\n  - {do: Ask vendor, owner: Ben}\n",
    )


REMOVALS = (
    ("actions.0", "-  - Ask vendor   # soon\n"),
    ("actions.1", "-  - do: Look\n-    owner: Ben\n"),
    ("actions.1.owner", "-    owner: Ben\n"),
    ("docs", "-  Docs: false   # c\n"),
    ("metrics.note", "-  Note: |\n-    two\n-    lines\n"),
    ("tried", "-tried: [a, b]\n"),
    ("tried.b", "-tried: [a, b]\n+tried: [a]\n"),
    ("findings.0", "-findings:\n-  - All loaded\n+findings: []\n"),
)


@pytest.mark.parametrize(("path", "lines"), REMOVALS, ids=str)
def test_remove_takes_the_lines_of_its_place(root: Path, path: str, lines: str) -> None:
    assert run(["remove", "session-1", path]) == 0

    assert changed_lines(BEFORE, text(root)) == lines


@pytest.mark.parametrize(
    ("path", "code", "message"),
    [
        ("title", 1, "'title' is required in a session; set it instead"),
        ("actions.2.do", 1, "'actions.2.do' is required in actions.2; set it instead"),
        ("metric.x", 2, "no field 'metric.x', did you mean 'metrics'?"),
    ],
)
def test_remove_refuses_what_is_required(
    root: Path, capfd: pytest.CaptureFixture[str], path: str, code: int, message: str
) -> None:
    assert run(["remove", "session-1", path]) == code

    assert (capfd.readouterr().err, text(root)) == (f"{S}: error: {message}\n", BEFORE)


# --- any document ---------------------------------------------------------------------------

TREE = parse_yaml(BEFORE.encode(), S).root
assert TREE is not None
PLACES = [keys for keys, _ in walk(TREE)]
LEAVES = [
    keys
    for keys, node in walk(TREE)
    if isinstance(node, Scalar) and keys[0] not in ("session", "title", "created")
]
LISTS = [("actions",), ("findings",), ("tried",), ("decisions",)]
names = st.sampled_from(["New", "Time", "owner", "evidence", "ask", "a b", "x.y", "true"])


def paths(places: list[KeyPath]) -> st.SearchStrategy[str]:
    """Of these places, sometimes of any place or of a new label in it."""
    anywhere = st.builds("{}.{}".format, st.sampled_from(PLACES).map(format_path), names)
    exact = st.sampled_from(places).map(format_path)
    return st.one_of(exact, exact, exact, exact, anywhere)


scalars = st.sampled_from(["x", "two\nlines\n", "a: b # c", "[TIME]", "- ", "5", "ü"]) | (
    st.text("ab :#'\"-[]{}\n✅", min_size=1, max_size=8)
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=4,
)
items = st.fixed_dictionaries({"do": scalars}, optional={"owner": scalars, "due": st.none()})
changes = {
    "set": st.dictionaries(paths(LEAVES), scalars | values, min_size=1, max_size=2),
    "add": st.dictionaries(paths(LISTS), scalars | items, min_size=1, max_size=2),
    "tick": st.sampled_from([["Docs"], {"code": "why"}, "do*"]),
    "remove": st.lists(paths(LEAVES), min_size=1, max_size=2),
}
documents = st.fixed_dictionaries({}, optional=changes) | st.one_of(
    *(st.fixed_dictionaries({verb: change}) for verb, change in changes.items())
)


def plain(node: Node | None) -> list[tuple[KeyPath, str]]:
    """The text of each place, without numbers of items."""
    found = walk(node) if node is not None else ()
    return [(keys, getattr(each, "text", "")) for keys, each in found]


@settings(max_examples=150, deadline=None)
@given(document=documents)
def test_any_document_changes_only_what_it_names(
    tmp_path_factory: pytest.TempPathFactory, document: dict[str, Any]
) -> None:
    root = tmp_path_factory.getbasetemp() / "any"
    root.mkdir(exist_ok=True)
    write_project(root)
    project = api.open_project(str(root))

    refused = None
    try:
        apply_changes(project, "session-1", json.dumps(document).encode(), "doc")
    except InvalidInput as error:
        refused = error

    after = text(root)
    if refused:
        assert after == BEFORE
        return
    named = {path.split(".")[0] for verb in document for path in _paths(document[verb])}
    named |= {"checklist"} if "tick" in document else set()
    old, new = parse_yaml(BEFORE.encode(), S).root, parse_yaml(after.encode(), S).root
    assert [each for each in plain(old) if each[0][0] not in named] == [
        each for each in plain(new) if each[0][0] not in named
    ]
    kept = [line for line in BEFORE.splitlines() if line.lstrip().startswith("#")]
    if "actions" not in document.get("remove", ()):
        assert [
            line for line in after.splitlines() if line.lstrip() in map(str.lstrip, kept)
        ] == kept


def _paths(change: Any) -> list[str]:
    return [change] if isinstance(change, str) else list(change)
