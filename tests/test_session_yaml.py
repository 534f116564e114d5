"""Session files: what each key becomes, and every mistake in its place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoff.base.problems import InvalidInput
from handoff.session.decode import load
from handoff.session.model import Blank, Bullets, Checklist, Content, Flag, TableBlock, Text
from handoff.session.values import slug_of

FIXTURES = Path(__file__).parent / "fixtures" / "sessions"
BOMB = (
    "{k0: &k0 [x, x]"
    + "".join(f", k{n + 1}: &k{n + 1} [*k{n}, *k{n}]" for n in range(30))
    + "}"
)
"""Each alias doubles the last."""
HEAD = "session: 1\ntitle: Phase 4\ncreated: 2026-01-03\n"


def problems(source: str) -> str:
    with pytest.raises(InvalidInput) as caught:
        load(source.encode(), "s", "s.yaml")
    return str(caught.value)


def content(yaml: str) -> Content | None:
    """What `metrics:` holds; `yaml` is what stands behind the colon."""
    return load(f"{HEAD}metrics: {yaml}\n".encode(), "s", "s.yaml")[0].metrics


@pytest.mark.parametrize("file", sorted(FIXTURES.glob("invalid/*.yaml")), ids=lambda p: p.stem)
def test_every_mistake_is_told_in_one_run(file: Path) -> None:
    expected = file.with_suffix(".txt").read_text("utf-8")

    with pytest.raises(InvalidInput) as caught:
        load(file.read_bytes(), "s", "s.yaml")

    assert f"{caught.value}\n" == expected


@pytest.mark.parametrize(
    ("yaml", "kind", "words"),
    [
        ("", Blank, ["[TO BE FILLED]"]),
        ("[TO BE FILLED]", Blank, ["[TO BE FILLED]"]),
        ("[TO BE FILLED - dates, counts]", Blank, ["[TO BE FILLED - dates, counts]"]),
        ("[TO BE FILLED: dates]", Blank, ["[TO BE FILLED: dates]"]),
        ("[TIME]", Blank, ["[TIME]"]),
        ("[YES/NO]", Blank, ["[YES/NO]"]),
        ('"[TIME]"', Blank, ["[TIME]"]),
        ("✅/❌", Blank, ["✅/❌"]),
        ("[SQL, BASH]", Bullets, ["SQL", "BASH"]),
        ("[DONE]", Bullets, ["DONE"]),
        ('["TIME"]', Bullets, ["TIME"]),
        ("[two hours]", Bullets, ["two hours"]),
        ("[TO BE FILLED, ~]", Bullets, ["TO BE FILLED", "[TO BE FILLED]"]),
        ("[[Other files]]", Bullets, ["[Other files]"]),
        ("[[Other, files]]", Bullets, ["Other", "files"]),
        ("- TIME", Bullets, ["TIME"]),
        ("007", Text, ["007"]),
        ("1:30", Text, ["1:30"]),
        ("1_000", Text, ["1_000"]),
        ("2026-01-03", Text, ["2026-01-03"]),
        ("yes", Text, ["yes"]),
        ('"true"', Text, ["true"]),
        ("True", Flag, []),
        ("[]", Bullets, []),
    ],
)
def test_what_stands_under_a_label(yaml: str, kind: type, words: list[str]) -> None:
    found = content(f"\n  {yaml}" if yaml.startswith("- ") else yaml)

    assert type(found) is kind
    assert [*_spelled(found)] == words


def _spelled(content: Content | None) -> Iterator[str]:
    if isinstance(content, Text):
        yield content.value
    elif isinstance(content, Blank):
        yield content.text
    elif isinstance(content, Bullets):
        for each in content.items:
            yield from _spelled(each)


def test_every_item_of_a_list_of_boxes_is_an_open_box() -> None:
    found = content("{checklist: [one, 2, ~, [Other checks]]}")

    assert isinstance(found, Checklist)
    labels = [(box.label.value, box.done) for box in found.boxes]
    assert labels == [
        ("one", False),
        ("2", False),
        ("[TO BE FILLED]", False),
        ("[Other checks]", False),
    ]


def test_a_column_without_a_heading_has_its_name_and_an_empty_one_none() -> None:
    found = content('{table: a, columns: {gap: , status: "", actual: Dates}}')

    assert isinstance(found, TableBlock)
    assert [(c.name, c.heading) for c in found.columns] == [
        ("gap", "gap"),
        ("status", ""),
        ("actual", "Dates"),
    ]


def test_a_scalar_of_a_megabyte_is_content() -> None:
    found = content("x" * 1_000_000)

    assert isinstance(found, Text)
    assert len(found.value) == 1_000_000


def test_a_title_of_a_megabyte_makes_a_short_name() -> None:
    source = f"session: 1\ncreated: 2026-01-03\ntitle: {'long ' * 200_000}\n"

    session, _ = load(source.encode(), "s", "s.yaml")

    assert len(session.slug) <= 80


@pytest.mark.parametrize(
    ("yaml", "expected"),
    [
        ("[" * 3000 + "]" * 3000, "more than 40 levels deep"),
        ("[" * 3000, "more than 40 levels deep"),
        ("{a: " * 3000 + "}" * 3000, "more than 40 levels deep"),
        (BOMB, "more than 50,000 values, counting every use of an alias"),
        ("&a [*a]", "alias '*a' refers to the value it is in"),
    ],
    ids=["lists", "open", "maps", "bomb", "recursive"],
)
def test_bounds_are_one_problem(yaml: str, expected: str) -> None:
    told = problems(f"{HEAD}metrics: {yaml}\n")

    assert told.count("\n") == 0
    assert expected in told


@given(st.data())
def test_a_broken_file_is_a_session_or_problems(data: st.DataObject) -> None:
    whole = data.draw(st.sampled_from(sorted(FIXTURES.glob("*/*.yaml")))).read_bytes()
    at = data.draw(st.integers(0, len(whole)))
    cut = data.draw(st.integers(0, 12))
    put = data.draw(
        st.sampled_from([b"", b"\t", b"[", b"}", b"'", b": ", b"\n", b"&a ", b"\xff"])
    )
    source = whole[:at] + put + whole[at + cut :]

    try:
        session, warnings = load(source, "s", "s.yaml")
    except InvalidInput:
        return
    assert session.title.strip()
    assert all(problem.level == "warning" for problem in warnings)


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Phase 4: Deep Prep 🎯", "PHASE-4-DEEP-PREP"),
        ("Café déjà vu", "CAFE-DEJA-VU"),
        ("🎯", ""),
        ("word " * 40, "-".join(["WORD"] * 16)),
        ("x" * 300, "X" * 80),
        ("../../etc/passwd", "ETC-PASSWD"),
    ],
)
def test_slug_of_a_title_is_a_safe_name(title: str, slug: str) -> None:
    assert slug_of(title) == slug
