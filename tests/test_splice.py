"""Edits of YAML: exactly the asked place, every other byte as it was."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from handoff.yaml import edits
from handoff.yaml.decode import scalar_value as meaning
from handoff.yaml.edits import CannotEdit
from handoff.yaml.nodes import List, Map, Node, parse_yaml

CASES = Path(__file__).parent / "fixtures" / "splice.yaml"
Path_ = tuple[str | int, ...]


def tree(text: str) -> Node:
    root = parse_yaml(text.encode(), "x.yaml").root
    assert root is not None
    return root


def set_value(text: str, keys: Path_, value: Any, order: tuple[str, ...] = ()) -> str:
    parsed = parse_yaml(text.encode(), "x.yaml")
    return edits.set_value(parsed, keys, value, order=order).encode().decode()


def add_item(text: str, keys: Path_, value: Any, order: tuple[str, ...] = ()) -> str:
    parsed = parse_yaml(text.encode(), "x.yaml")
    return edits.add_item(parsed, keys, value, order=order).encode().decode()


def cases() -> list[dict[str, Any]]:
    return list(yaml.safe_load(CASES.read_text(encoding="utf-8")))


@pytest.mark.parametrize("case", cases(), ids=lambda case: str(case["name"]))
def test_edit_touches_one_place(case: dict[str, Any]) -> None:
    edit = add_item if "add" in case else set_value
    value = case["add"] if "add" in case else case["set"]

    order = tuple(case.get("order", ()))

    if "refused" in case:
        with pytest.raises(CannotEdit, match=re.escape(case["refused"])):
            edit(case["before"], tuple(case["keys"]), value, order=order)
        return

    assert edit(case["before"], tuple(case["keys"]), value, order=order) == case["after"]


def test_line_endings_and_a_missing_last_newline_stay() -> None:
    assert set_value("a: 1\r\nb: 2", ("a",), "x\ny") == "a: |-\r\n  x\r\n  y\r\nb: 2"
    assert set_value("a: 1\r\nb: 2", ("c",), "3") == "a: 1\r\nb: 2\r\nc: 3"
    assert set_value("\ufeffa: 1\n", ("a",), "2") == "\ufeffa: 2\n"


# --- generated edits over generated YAML -------------------------------------------------

EDITS = int(os.environ.get("HANDOFF_TEST_EDITS", "600" if os.environ.get("CI") else "150"))
"""Of each kind; 10000 for the whole run, which takes some minutes."""

words = st.text(
    st.sampled_from("abcxyz é🟢-_.#:'\"[]{}|>&*!%@`,?\\0123"), min_size=1, max_size=12
)
values = st.one_of(
    words,
    st.booleans(),
    st.none(),
    st.text(max_size=20),
    st.lists(words, min_size=2, max_size=4).map("\n".join),
)
labels = st.text(st.sampled_from("abcdefgh ijk"), min_size=1, max_size=8).map(str.strip)
labels = labels.filter(bool)
trees = st.recursive(
    st.one_of(st.none(), st.booleans(), words, st.just("two\nlines\n"), st.integers(0, 99)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(labels, inner, max_size=3)
    ),
    max_leaves=12,
)
COMMENTED = {0: "# above\n{}", 1: "{}  # beside", 2: "{}\n", 3: "{}\n    # deep"}


@st.composite
def documents(draw: st.DrawFn) -> str:
    """A mapping as YAML, its style, width, comments and line endings at random."""
    dumped = yaml.dump(
        draw(st.dictionaries(labels, trees, min_size=1, max_size=4)),
        sort_keys=False,
        allow_unicode=True,
        width=draw(st.sampled_from([20, 4096])),
        default_flow_style=draw(st.sampled_from([False, False, None])),
        default_style=draw(st.sampled_from([None, None, None, '"', "'", "|", ">"])),
    )
    kinds = draw(st.lists(st.integers(0, 9), min_size=1, max_size=12))
    lines = [
        COMMENTED.get(kinds[n % len(kinds)], "{}").replace("{}", line)
        for n, line in enumerate(dumped.splitlines())
    ]
    text = "\n".join(lines) + draw(st.sampled_from(["", "\n", "\n\n# the end\n"]))
    text = text.replace("\n", draw(st.sampled_from(["\n", "\n", "\r\n"])))
    return text if _is_same_tree(text, dumped) else dumped


def _is_same_tree(text: str, dumped: str) -> bool:
    parsed = parse_yaml(text.encode(), "x.yaml")
    is_valid = not any(problem.level == "error" for problem in parsed.problems)
    return is_valid and edits.is_same(tree(text), tree(dumped))


def plain(node: Node) -> Any:
    """A tree as dicts and lists; scalars as their text but for null and booleans."""
    if isinstance(node, Map):
        return {pair.key: plain(pair.node) for pair in node.entries}
    if isinstance(node, List):
        return [plain(each) for each in node.nodes]
    value = meaning(node)
    return value if value is None or isinstance(value, bool) else node.text


def paths(node: Any, above: Path_ = ()) -> list[Path_]:
    pairs = node.items() if isinstance(node, dict) else ()
    pairs = enumerate(node) if isinstance(node, list) else pairs
    return [above] * bool(above) + [p for k, v in pairs for p in paths(v, (*above, k))]


def at(node: Any, keys: Path_) -> Any:
    for key in keys:
        node = node[key]
    return node


def with_change(node: Any, keys: Path_, value: Any) -> Any:
    if not keys:
        return value
    if isinstance(node, list):
        return [
            with_change(v, keys[1:], value) if n == keys[0] else v for n, v in enumerate(node)
        ]
    return {**node, keys[0]: with_change(node.get(keys[0]), keys[1:], value)}


def lines_of(text: str, keys: Path_) -> tuple[int, int]:
    """The first and the last line of the place, with its key."""
    node = yaml.compose(text)
    first = 0
    for key in keys:
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        found = next(((k, v) for k, v in pairs if k.value == str(key)), None)
        label, node = found or (None, node.value[key])
        first = (label or node).start_mark.line
    return first, node.end_mark.line


def outside(text: str, edited: str, place: tuple[int, int]) -> tuple[list[str], list[str]]:
    """The lines above and below the place that changed."""
    old, new = text.split("\n"), edited.split("\n")
    first, last = place
    below = len(old) - 1 - last
    above = [line for line, was in zip(new, old[:first], strict=False) if line != was]
    tail = list(zip(new[len(new) - below :], old[last + 1 :], strict=False))
    return above, [line for line, was in tail if line != was]


def comments(text: str) -> list[int]:
    return [text.count(c) for c in ("# above", "# beside", "# deep", "# the end")]


@settings(max_examples=EDITS, deadline=None)
@given(text=documents(), value=values, data=st.data())
def test_set_changes_only_the_asked_place(text: str, value: Any, data: st.DataObject) -> None:
    before = plain(tree(text))
    keys = data.draw(st.sampled_from(paths(before)))
    is_scalar = not isinstance(at(before, keys), (dict, list))

    try:
        edited = set_value(text, keys, value)
    except CannotEdit:
        assert not is_scalar, "a scalar can always be set"
        return

    assert plain(tree(edited)) == with_change(before, keys, value)
    assert yaml.compose(edited, Loader=yaml.SafeLoader) is not None
    assert comments(edited) == comments(text)
    assert outside(text, edited, lines_of(text, keys)) == ([], [])
    assert edited.count("\r\n") == edited.count("\n") or "\r\n" not in text


@settings(max_examples=EDITS, deadline=None)
@given(text=documents(), value=words, data=st.data())
def test_add_appends_one_item(text: str, value: str, data: st.DataObject) -> None:
    before = plain(tree(text))
    lists = [keys for keys in paths(before) if isinstance(at(before, keys), list)]
    if not lists:
        return
    keys = data.draw(st.sampled_from(lists))

    edited = add_item(text, keys, value)

    assert plain(tree(edited)) == with_change(before, keys, [*at(before, keys), value])
    assert comments(edited) == comments(text)


@settings(max_examples=EDITS, deadline=None)
@given(text=documents(), value=values, data=st.data())
def test_new_label_goes_last(text: str, value: Any, data: st.DataObject) -> None:
    before = plain(tree(text))
    maps = [keys for keys in [(), *paths(before)] if isinstance(at(before, keys), dict)]
    keys = data.draw(st.sampled_from(maps))

    edited = set_value(text, (*keys, "Brand: new"), value)

    assert plain(tree(edited)) == with_change(before, (*keys, "Brand: new"), value)
    assert list(at(plain(tree(edited)), keys)) == [*at(before, keys), "Brand: new"]
    assert comments(edited) == comments(text)


def without(node: Any, keys: Path_) -> Any:
    if len(keys) > 1:
        return with_change(node, keys[:1], without(at(node, keys[:1]), keys[1:]))
    pairs = node.items() if isinstance(node, dict) else enumerate(node)
    rest = {key: value for key, value in pairs if key != keys[0]}
    return rest if isinstance(node, dict) else [*rest.values()]


@settings(max_examples=EDITS, deadline=None)
@given(text=documents(), data=st.data())
def test_remove_takes_one_place_or_is_refused(text: str, data: st.DataObject) -> None:
    before = plain(tree(text))
    keys = data.draw(st.sampled_from(paths(before)))
    parsed = parse_yaml(text.encode(), "x.yaml")

    try:
        edited = edits.remove_value(parsed, keys).encode().decode()
    except CannotEdit:
        assert len(keys) > 1, "a key of the file can always be removed"
        return

    assert plain(tree(edited)) == without(before, keys)
    first, last = lines_of(text, keys)
    old = text.split("\n")
    kept = comments("\n".join([*old[:first], *old[last + 1 :]]).replace("# deep", ""))
    assert all(n >= most for n, most in zip(comments(edited), kept, strict=True))
    assert edited.count("\r\n") == edited.count("\n") or "\r\n" not in text


structures = st.recursive(
    words | st.booleans() | st.none() | st.just("two\nlines\n"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(labels, inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=EDITS, deadline=None)
@given(text=documents(), value=structures, data=st.data())
def test_a_structured_value_is_written_whole(
    text: str, value: Any, data: st.DataObject
) -> None:
    before = plain(tree(text))
    leaves = [keys for keys in paths(before) if not isinstance(at(before, keys), dict | list)]
    if not leaves:
        return
    keys = data.draw(st.sampled_from(leaves))

    edited = set_value(text, keys, value)

    assert plain(tree(edited)) == with_change(before, keys, value)
    assert comments(edited) == comments(text)
    assert outside(text, edited, lines_of(text, keys)) == ([], [])
