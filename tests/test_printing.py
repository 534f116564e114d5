"""Values as text, and text that can do nothing."""

from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from handoff.base.blanks import blanks
from handoff.sql.types import Type, Value, type_of
from handoff.values.printing import Typed, escaped, folded, plain, printed, rounded, shown

CASES = yaml.safe_load(
    (Path(__file__).parent / "fixtures" / "live" / "escapes.yaml").read_text("utf-8")
)
NOON = datetime(2026, 1, 3, 16, 20, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    ("spelled", "value", "expected"),
    [
        ("BOOL", True, "✅"),
        ("BOOL", False, "❌"),
        ("INT64", 1537, "1,537"),
        ("INT64", -1537, "-1,537"),
        ("FLOAT64", 33.4, "33.4"),
        ("FLOAT64", 33.44176968, "33.44"),
        ("FLOAT64", 2.675, "2.68"),
        ("FLOAT64", 50.0, "50"),
        ("FLOAT64", 0.1 + 0.2, "0.3"),
        ("FLOAT64", 1e-17, "0"),
        ("FLOAT64", -1e-17, "0"),
        ("FLOAT64", 0.0012, "0.0012"),
        ("FLOAT64", 99.996, "99.996"),
        ("FLOAT64", 99.99999999999, "100"),
        ("FLOAT64", 1e21, "1,000,000,000,000,000,000,000"),
        ("FLOAT64", float("nan"), None),
        ("FLOAT64", float("-inf"), None),
        ("NUMERIC", Decimal("0.333333333"), "0.33"),
        ("BIGNUMERIC", Decimal("12345.5"), "12,345.5"),
        ("DATE", date(2026, 1, 3), "2026-01-03"),
        ("TIME", time(16, 20), "16:20"),
        ("TIME", time(16, 20, 5), "16:20:05"),
        ("TIMESTAMP", NOON, "2026-01-03 16:20 UTC"),
        ("DATETIME", NOON.replace(tzinfo=None), "2026-01-03 16:20"),
        ("STRING", " a\n b\t", "a b"),
        ("STRING", " \n", None),
        ("STRING", "", None),
        ("STRING", "a\x1b[31m\u202eb", r"a\x1b[31m\u202eb"),
        ("STRING", "\ud800\U000e0041", r"\ud800\U000e0041"),
        ("BYTES", b"ab", "YWI="),
        ("JSON", '"a b"', "a b"),
        ("JSON", "null", None),
        ("JSON", '{"a": 1}', '{"a": 1}'),
        ("ARRAY<INT64>", (1, 2000), "1, 2,000"),
        ("ARRAY<STRING>", (), "none"),
        (
            "STRUCT<day DATE, n INT64>",
            {"day": date(2026, 1, 3), "n": 3},
            "day: 2026-01-03, n: 3",
        ),
        ("STRUCT<day DATE, n INT64>", {"day": None, "n": 3}, None),
        ("INT64", None, None),
    ],
)
def test_a_value_as_text(spelled: str, value: Value, expected: str | None):
    assert printed(Typed(value, type_of(spelled))) == expected


@pytest.mark.parametrize(
    ("value", "decimals", "expected"),
    [
        (33.44, 1, "33.4"),
        (50.0, 1, "50.0"),
        (2.5, 0, "3"),
        (-0.01, 1, "0.0"),
        (1537, 0, "1,537"),
    ],
)
def test_rounding_keeps_its_decimals(value: Value, decimals: int, expected: str):
    assert rounded(value, decimals) == expected


def test_a_plain_number_is_not_grouped():
    assert plain(2024) == "2024"


@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case["value"]))
def test_text_where_it_lands(case: dict[str, str]):
    wheres = [where for where in ("text", "cell", "prompt", "code") if where in case]

    assert {w: escaped(case["value"], w) for w in wheres} == {w: case[w] for w in wheres}


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (Typed("514 of 1,537", Type("STRING"), is_own=True), "514 of 1,537"),
        (Typed("514 of 1,537", Type("STRING")), "`514 of 1,537`"),
        (Typed("[TO BE FILLED]", Type("STRING"), is_own=True), "`[TO BE FILLED]`"),
        (Typed("at 3 ``` h", Type("STRING"), is_own=True), "````at 3 ``` h````"),
        (Typed(NOON, Type("TIMESTAMP")), "2026-01-03 16:20 UTC"),
        (Typed(True, Type("BOOL")), "✅"),
        (Typed(("a", "b c"), type_of("ARRAY<STRING>")), "a, `b c`"),
    ],
)
def test_what_handoff_made_stands_in_a_prompt(typed: Typed, expected: str):
    assert shown(typed, "prompt") == expected


PIECES = st.sampled_from(
    [
        *"\\`*_[]()<>|~$#+-=:!&@'\"/.1234567890 \n\tabXYZé中",
        *(
            "```",
            "~~~",
            "---",
            "***",
            "===",
            "# ",
            "- ",
            "1. ",
            "> ",
            "[x](http://a.b)",
            "![i](j)",
        ),
        *(
            "<b>",
            "<!--",
            "-->",
            "&amp;",
            "&#35;",
            "https://a.b",
            "www.a.b",
            "@alice",
            "#12",
            "{{ x }}",
        ),
        *(
            "✅/❌",
            "PASS/FAIL",
            "TBD",
            "[TO BE FILLED]",
            "[TIME]",
            "GO / NO-GO",
            "🔴/🟡/🟢",
            "|---|",
        ),
        *(
            "\x00",
            "\x1b[0m",
            "\u202e",
            "\u2028",
            "\ud800",
            "a@b.co",
            ":tada:",
            "[^1]",
            "[a]: /b",
        ),
    ]
)
WORDS = st.one_of(st.lists(PIECES, max_size=8).map("".join), st.text(max_size=20))
PARSER = MarkdownIt("commonmark").enable("table")


def tokens(markdown: str) -> list[Token]:
    inner = (t.children or [t] for t in PARSER.parse(markdown))
    return [token for each in inner for token in each]


def text_of(markdown: str) -> str:
    kinds = {token.type for token in tokens(markdown)}
    assert kinds <= {"paragraph_open", "paragraph_close", "text", "text_special", "inline"}
    return "".join(t.content for t in tokens(markdown)).replace("\u2060", "")


@given(WORDS)
def test_a_value_in_text_is_only_text(value: str):
    spelled = escaped(value, "text")

    assert text_of(spelled) == folded(value).replace("\u2060", "")
    assert (blanks(spelled), blanks(spelled, item=True)) == ((), ())


@pytest.mark.parametrize(
    "around", ["- {}", "1. {}", "> {}", "a\n{}", "a\n{}\nb", "{}\nb", "**{}**", "~88% {} b~"]
)
@given(value=WORDS)
def test_a_value_changes_nothing_around_it(around: str, value: str):
    spelled = escaped(value, "text")
    if not spelled:
        return

    with_value = [t.type for t in tokens(around.format(spelled)) if t.type != "text_special"]
    with_word = [t.type for t in tokens(around.format("x"))]

    assert [t for t in with_value if t != "text"] == [t for t in with_word if t != "text"]


@given(WORDS, WORDS)
def test_a_value_stays_in_its_cell(one: str, two: str):
    row = f"| {escaped(one, 'cell')} | {escaped(two, 'cell')} |"

    kinds = [token.type for token in tokens(f"| a | b |\n|---|---|\n{row}\nc\n")]

    assert (kinds.count("td_open"), kinds.count("tr_open")) == (4, 3)
    assert not set(kinds) & {"link_open", "html_inline", "code_inline", "em_open"}


@given(WORDS)
def test_a_value_in_a_prompt_is_no_blank_and_closes_no_fence(value: str):
    spelled = escaped(value, "prompt")

    assert (blanks(spelled), blanks(spelled, item=True)) == ((), ())
    assert "\n" not in spelled
    if "`" in value or not spelled:
        return
    assert spelled.strip("`") == folded(value)


@given(WORDS)
def test_a_value_does_not_end_the_code_it_stands_in(value: str):
    code = tokens(f"a `x{escaped(value, 'code')}x` b")

    assert [t.type for t in code if t.type == "code_inline"] == ["code_inline"]
    assert [t.content for t in code if t.type == "code_inline"] == [
        f"x{folded(value).replace('`', chr(39))}x"
    ]


def test_numbers_that_name_something_are_not_grouped():
    assert printed(Typed(2024, Type("INT64"), is_name=True)) == "2024"
