"""What a stranger may write costs no more than its budget, whatever the construct."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from handoff.base.budget import TYPE_DEPTH, Budget, Exceeded, depth_of, element_count
from handoff.sources.git_command import commit_id, run_git
from handoff.sources.json_file import BadExpression, check_expression, select_rows
from handoff.sources.source import InvalidSource, SourceFailed
from handoff.sql.types import BadType, declarations, type_of

DOUBLING = {
    "list to text": "to_string(" + "[@,@]|" * 40 + "@)",
    "list in list": "[@,@]|" * 40 + "@",
    "mapping in mapping": "{a: @, b: @}|" * 40 + "@",
    "compared": "[@,@]|" * 40 + "@ == @",
    "flattened": "[a,a][]|" + "[@,@][]|" * 40 + "@",
    "joined": "join('', [a,a])|" + "join('', [@,@])|" * 40 + "@",
}


@pytest.mark.parametrize("expression", DOUBLING.values(), ids=DOUBLING)
def test_expression_that_doubles_its_value_ends(expression: str) -> None:
    check_expression(expression.replace("|" + "[@,@]|" * 39, "|"))  # it is valid

    with pytest.raises(InvalidSource, match="takes too long, or makes too large values"):
        select_rows({"a": "x"}, None, {"x": expression})


@pytest.mark.parametrize(
    "expression",
    [
        "(" * 490 + "a" + ")" * 490,
        "!" * 900 + "a",
        "[" * 400 + "a" + "]" * 400,
        "@|" * 400 + "a",
    ],
    ids=lambda text: text[:2],
)
def test_expression_nested_too_deeply_is_refused(expression: str) -> None:
    with pytest.raises(BadExpression, match="nested too deeply, at most 50 levels are read"):
        check_expression(expression)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("a", "x"),
        ("[a, b]", ["x", [1, 2]]),
        ("{n: length(b), s: sum(b)}", {"n": 2, "s": 3}),
        ("b[?@ > `1`] | [0]", 2),
        ("sort_by([{k: `2`}, {k: `1`}], &k)[0].k", 1),
    ],
)
def test_expression_within_its_budget_has_its_value(expression: str, value: Any) -> None:
    rows = select_rows({"a": "x", "b": [1, 2]}, None, {"v": expression})

    assert rows == [{"v": value}]


def test_type_nested_too_deeply_is_an_error_at_its_place() -> None:
    text = "n " + "ARRAY<STRUCT<a " * 250 + "INT64" + ">>" * 250

    fields, (error,) = declarations(text)

    assert (fields, str(error)) == ([], f"types nested more than {TYPE_DEPTH} deep")
    assert text[error.offset :].startswith("ARRAY")
    with pytest.raises(BadType, match="nested more than"):
        type_of(text.removeprefix("n "))


def test_type_as_deep_as_bigquery_allows_is_read() -> None:
    text = "ARRAY<STRUCT<a " * 15 + "INT64" + ">>" * 15

    assert str(type_of(text)) == text


# --- git ---------------------------------------------------------------------------------


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    for words in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "one fix"]):
        identity = ("-c", "user.name=T", "-c", "user.email=t@example.invalid")
        subprocess.run(["git", *identity, *words], cwd=tmp_path, check=True)
    return tmp_path


@pytest.mark.parametrize(
    "revision",
    [
        "HEAD^{/((((a{1,99}){1,99}){1,99}){1,99})}",
        ":/((((a{1,99}){1,99}){1,99}){1,99})",
        ":/!-((a{1,99}){1,99})",
        "HEAD^0^{/(a*)*}",
    ],
)
def test_regular_expression_in_a_revision_is_refused(repository: Path, revision: str) -> None:
    with pytest.raises(InvalidSource, match="takes words only, not a regular expression"):
        commit_id(repository, revision)


@pytest.mark.parametrize("revision", ["HEAD^{/one fix}", "HEAD^{commit}", "@{0}"])
def test_words_in_a_revision_are_searched_for(repository: Path, revision: str) -> None:
    assert commit_id(repository, revision) == commit_id(repository, "HEAD")


@pytest.mark.skipif(sys.platform != "linux", reason="needs prlimit")
def test_git_allocates_no_more_than_its_limit(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    costly = ("rev-parse", "HEAD^{/((o{1,99}){1,99}){1,4}}")
    assert run_git(repository, *costly)

    monkeypatch.setattr("handoff.base.budget.CHILD_MEMORY", 16 << 20)

    with pytest.raises(SourceFailed, match="git failed"):
        run_git(repository, *costly)


# --- the budget itself -------------------------------------------------------------------


def test_elements_are_counted_as_often_as_they_are_met() -> None:
    twice = [1, 2]

    assert element_count("text", 99) == 1
    assert element_count([twice, twice], 99) == 7
    assert element_count({"a": twice}, 99) == 5
    assert element_count([range(5)] * 1_000_000, 10) > 10


def test_depth_is_that_of_the_deepest_element() -> None:
    assert [depth_of(tree, 9) for tree in ([], [1], [[1], {"a": [2]}])] == [1, 1, 3]


def test_time_over_interrupts_what_does_not_pay() -> None:
    budget = Budget(work=1, seconds=0.05)

    def run_for_ever() -> None:
        with budget.watched():
            while True:
                pass

    with pytest.raises(Exceeded):
        run_for_ever()


def test_nothing_is_interrupted_afterwards() -> None:
    budget = Budget(work=1, seconds=60)

    with budget.watched():
        pass

    budget.spend(1)
    with pytest.raises(Exceeded):
        budget.spend(1)
