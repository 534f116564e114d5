from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoff.base.problems import InvalidInput, Problem, Report
from handoff.yaml.decode import Decoder, json_value
from handoff.yaml.nodes import MAX_BYTES, Node, parse

FIXTURES = Path(__file__).parent / "fixtures" / "decode"


def decoded(text: str) -> tuple[Decoder, Node | None]:
    decoder = Decoder("s.yaml")
    return decoder, decoder.root(text.encode())


def value(text: str) -> Node | None:
    """The node under the one key of `text`."""
    decoder, root = decoded(text)
    return decoder.pairs(root)[0].node


def lines(problems: list[Problem]) -> list[str]:
    return [str(p) for p in Report.of(problems).problems]


@pytest.mark.parametrize("case", sorted(FIXTURES.glob("*.yaml")), ids=lambda p: p.stem)
def test_every_error_is_reported_with_its_place(case: Path) -> None:
    decoder = Decoder(case.name)

    decoder.root(case.read_bytes())

    assert lines(decoder.problems) == case.with_suffix(".txt").read_text().splitlines()


@pytest.mark.parametrize(
    ("written", "means"),
    [
        ("yes", "yes"),
        ("No", "No"),
        ("off", "off"),
        ("1:30", "1:30"),
        ("2026-01-03", "2026-01-03"),
        ("010", 10),
        ("0o10", 8),
        ("0x1F", 31),
        ("1_000", "1_000"),
        ("1.50", 1.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("TRUE", True),
        ("tRUE", "tRUE"),
        ("'true'", "true"),
        ("~", None),
        ("", None),
        ("null", None),
        ("'null'", "null"),
        ("9" * 5000, "9" * 5000),
    ],
)
def test_plain_text_means_what_yaml_1_2_says(written: str, means: object) -> None:
    node = value(f"key: {written}")

    assert node is not None
    assert json_value(node) == means


def test_keys_are_text_as_written() -> None:
    decoder, root = decoded("No: a\n1: b\n2026-01-03: c\ntrue: d\n")

    assert [p.key for p in decoder.pairs(root)] == ["No", "1", "2026-01-03", "true"]


def test_a_number_keeps_its_source_text() -> None:
    assert Decoder("s.yaml").text(value("key: 0088.50")) == "0088.50"


def test_place_counts_characters_and_names_the_way() -> None:
    inner = value("é: {'😀': [x, ö, {k: here}]}\n")

    place = inner.pairs[0].node.nodes[2].pairs[0].node.place  # type: ignore[union-attr]

    assert str(place) == "s.yaml:1:21"
    assert place.keys == ("é", "😀", 2, "k")


READERS: list[tuple[str, Callable[[Decoder, Node | None], object], object]] = [
    ("a: yes", Decoder.flag, None),
    ("a: true", Decoder.flag, True),
    ("a: true", Decoder.text, None),
    ("a: 7", Decoder.integer, 7),
    ("a: -7", Decoder.integer, None),
    ("a: 7.5", Decoder.integer, None),
    ("a: 2026-02-30", Decoder.day, None),
    ("a: soon", Decoder.day, None),
    ("a: 2026-01-03T16:20:00", Decoder.timestamp, None),
    ("a: 2026-01-03T25:20:00Z", Decoder.timestamp, None),
    ("a: 0001-01-01T00:00+14:00", Decoder.timestamp, None),
    ("a: 2026-01-03T11:20-05:00", Decoder.timestamp, datetime(2026, 1, 3, 16, 20, tzinfo=UTC)),
    ("a: 2026-01-03 16:20Z", Decoder.timestamp, datetime(2026, 1, 3, 16, 20, tzinfo=UTC)),
    ("a: [1, x, true]", Decoder.texts, ("1", "x")),
    ("a: one", Decoder.texts, ("one",)),
    ("a: {b: c}", Decoder.texts, ()),
]


@pytest.mark.parametrize(("text", "reader", "expected"), READERS)
def test_reader_returns_the_value_or_reports(
    text: str, reader: Callable[[Decoder, Node | None], object], expected: object
) -> None:
    decoder = Decoder("s.yaml")

    read = reader(decoder, value(text))

    assert read == expected
    assert bool(decoder.problems) == (expected in (None, (), ("1", "x")))


@pytest.mark.parametrize(
    "reader",
    [
        Decoder.text,
        Decoder.flag,
        Decoder.integer,
        Decoder.day,
        Decoder.timestamp,
        Decoder.texts,
    ],
)
@pytest.mark.parametrize("node", [None, value("a:"), value("a: ~")])
def test_absent_and_null_are_not_errors(
    reader: Callable[[Decoder, Node | None], object], node: Node | None
) -> None:
    decoder = Decoder("s.yaml")

    assert not reader(decoder, node)
    assert decoder.problems == []


def test_fields_report_unknown_and_missing_keys_together() -> None:
    decoder, root = decoded("titel: x\nengine: duckdc\nempty:\n")

    given = decoder.fields(root, ("title", "engine", "empty"), required=("title", "empty"))
    decoder.choice(given["engine"], ("duckdb", "bigquery"))

    assert lines(decoder.problems) == [
        "s.yaml:1:1: error: unknown key 'titel', did you mean 'title'? (Y020)",
        "s.yaml:1:1: error: key 'title' is missing (Y021)",
        "s.yaml:2:9: error: unknown value 'duckdc', did you mean 'duckdb'? (Y023)",
        "s.yaml:3:7: error: key 'empty' has no value (Y021)",
    ]


def test_finish_raises_everything_once() -> None:
    decoder, _ = decoded("a: PR #1\na: 2\n")

    with pytest.raises(InvalidInput) as caught:
        decoder.finish()

    assert [p.code for p in caught.value.report.problems] == ["Y011", "Y007"]


def test_finish_returns_warnings() -> None:
    decoder, _ = decoded("a: PR #1\n")

    assert [p.code for p in decoder.finish()] == ["Y011"]


def bomb(levels: int) -> str:
    doubled = (f"x{i}: &x{i} [*x{i - 1}, *x{i - 1}]\n" for i in range(1, levels))
    return "x0: &x0 [a, b]\n" + "".join(doubled)


def chain(levels: int) -> str:
    return "x0: &x0 [a]\n" + "".join(f"x{i}: &x{i} [*x{i - 1}]\n" for i in range(1, levels))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("a: " + "[" * 3000, "more than 40 levels deep"),
        ("a: " + "[" * 3000 + "]" * 3000, "more than 40 levels deep"),
        ("- " * 3000, "more than 40 levels deep"),
        ("? " * 3000, "more than 40 levels deep"),
        ("{" * 3000, "more than 40 levels deep"),
        ("".join("  " * i + "a:\n" for i in range(1400)), "more than 40 levels deep"),
        (bomb(60), "more than 50,000 values, counting every use of an alias"),
        (chain(300), "more than 40 levels deep, aliases followed"),
        ("- a\n" * 60_000, "more than 50,000 values, counting every use of an alias"),
        ("x" * (MAX_BYTES + 1), "2,097,153 bytes exceed the limit of 2,097,152"),
    ],
    ids=[
        "open",
        "closed",
        "dashes",
        "keys",
        "maps",
        "indented",
        "bomb",
        "chain",
        "wide",
        "long",
    ],
)
def test_bounds_are_one_problem(source: str, message: str) -> None:
    decoder, root = decoded(source)

    assert root is None
    assert [(p.code, p.message) for p in decoder.problems] == [("Y003", message)]


def test_a_scalar_of_a_megabyte_is_read() -> None:
    assert Decoder("s.yaml").text(value("a: " + "x" * 1_000_000)) == "x" * 1_000_000


@given(st.text(alphabet=st.sampled_from(" \n-:#[]{}\"'`&*!|>%@,?ab1\t"), max_size=60))
def test_any_text_gives_a_node_or_a_problem(text: str) -> None:
    decoder, root = decoded(text)

    assert root is not None or decoder.problems


@given(st.binary(max_size=60))
def test_any_bytes_are_read_without_an_exception(source: bytes) -> None:
    parse(source, "s.yaml", [])
