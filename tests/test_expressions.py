"""What stands between `{{` and `}}`."""

import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from handoff.values import expressions
from handoff.values.evaluate import ON_ROWS
from handoff.values.expressions import (
    MAX_EXPRESSIONS,
    Attribute,
    Comparison,
    Constant,
    Expression,
    ExpressionNode,
    Filtered,
    InvalidExpression,
    Literal,
    Logical,
    Name,
    parts,
)
from handoff.values.filters import FILTERS, ON_VALUES

CASES = yaml.safe_load(
    (Path(__file__).parent / "fixtures" / "live" / "expressions.yaml").read_text("utf-8")
)


def spelled(node: ExpressionNode) -> str:
    match node:
        case Constant(value):
            return repr(value)
        case Name(name):
            return name
        case Attribute(of, name, is_subscript):
            return f"{spelled(of)}[{name}]" if is_subscript else f"{spelled(of)}.{name}"
        case Filtered(of, name, arguments):
            return f"{name}{(spelled(of), *arguments)}"
        case Comparison(left, operator, right):
            return f"({spelled(left)} {operator} {spelled(right)})"
        case Logical(operator, of_):
            return f"{operator}({', '.join(map(spelled, of_))})"


def outline(text: str) -> list[str]:
    """Each part in a word or two: what `expressions.yaml` lists."""
    found = []
    for part in parts(text):
        match part:
            case Literal(words):
                found.append(f"text {words}")
            case Expression(node, hint):
                found.append(f"live {spelled(node)}" + (f" else {hint}" if hint else ""))
            case InvalidExpression(code, message, offset):
                found.append(f"{code} at {offset}: {message}")
    return found


@pytest.mark.parametrize(("text", "expected"), CASES.items())
def test_text_is_read(text: str, expected: str | list[str]):
    assert outline(text) == ([expected] if isinstance(expected, str) else expected)


def test_too_many_expressions_in_one_text():
    last = parts("{{ a.b }}" * (MAX_EXPRESSIONS + 1))[-1]

    message = "more than 100 '{{ }}' in one text"
    assert last == InvalidExpression("L006", message, 900, 900, 909)


@pytest.mark.parametrize(
    "hostile",
    ["(" * 400, "a" + "[0]" * 150, "not " * 120 + "a", "a|lower" * 60, "-" * 400, "'" * 399],
)
def test_depth_is_bounded(hostile: str):
    (part,) = parts(f"{{{{ {hostile} }}}}")

    assert isinstance(part, InvalidExpression)


PIECES = st.sampled_from(
    [
        *(
            "{{",
            "}}",
            "\\{{",
            "{%",
            "%}",
            "{#",
            "'",
            '"',
            "\\",
            "\n",
            " ",
            "a",
            ".b",
            "['c d']",
            "|",
        ),
        *(
            "round",
            "blank",
            "(1)",
            "('x')",
            "==",
            "<",
            "and",
            "or",
            "not",
            "1",
            "1.5",
            "-",
            "(",
            ")",
        ),
        *("if", "else", "is", "in", "none", "true", "~", "**", "[", "]", "é", "\x00", "{", "}"),
    ]
)


@given(st.lists(PIECES, max_size=25).map("".join))
def test_parts_cover_the_text_in_order(text: str):
    found = parts(text)

    edges = [0, *(part.end for part in found)]
    assert [part.start for part in found] == edges[:-1]
    assert edges[-1] == len(text)
    for part in found:
        offset = part.offset if isinstance(part, InvalidExpression) else part.start
        assert part.start <= offset <= part.end


@given(st.lists(PIECES, max_size=12).map(" ".join))
def test_any_expression_is_read_or_a_mistake(inner: str):
    assert all(
        isinstance(part, Literal | Expression | InvalidExpression)
        for part in parts(f"{{{{{inner}}}}}")
    )


def test_every_filter_is_applied_and_documented():
    page = (Path(__file__).parent.parent / "docs" / "live-values.md").read_text("utf-8")
    listed = re.findall(r"^\| (`.*?`) \|", page.partition("## Filters")[2], re.MULTILINE)

    assert set(FILTERS) == {"blank", "since", *ON_ROWS, *ON_VALUES}
    assert [re.match(r"\w+", n)[0] for each in listed for n in re.findall("`([^`]*)`", each)][
        : len(FILTERS)
    ] == list(FILTERS)


SPACES = st.sampled_from(["", " ", "\n  ", "\u00a0"])
NAMES = st.sampled_from(["a", "phase_1", "_x", "not", "true", "None", "in", "if", "é", "1"])
FILTER_CALLS = st.sampled_from(
    [
        *("", "|", "|blank", "|blank('')", "| blank('hint é, (x)')", r"|blank('a\'b')"),
        *("|blank('a\nb')", "| percent", "|percent('x')", "|blank | percent", "| round(2)"),
        *("|x", "| not"),
    ]
)


@given(SPACES, st.lists(NAMES, min_size=1, max_size=8), SPACES, FILTER_CALLS, SPACES)
def test_path_with_a_filter_reads_as_jinja_reads_it(
    before: str, names: list[str], after: str, call: str, last: str
) -> None:
    text = f"Done: {{{{{before}{'.'.join(names)}{after}{call}{last}}}}} days"

    found = parts.__wrapped__(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(expressions, "_plain", lambda *_: None)
        by_jinja = parts.__wrapped__(text)

    assert found == by_jinja


def test_text_without_braces_needs_no_jinja():
    import subprocess
    import sys

    script = (
        "import sys; from handoff.values.expressions import parts;"
        "parts('1 % {done} {% if %}');"
        "sys.exit('jinja2' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
