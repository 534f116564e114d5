r"""Parse what is between `{{` and `}}`: names, their parts, filters and comparisons.

Jinja's parser reads an expression, an allow-list turns its tree into the small one here, and
nothing else gets through: no calls, no arithmetic, no loops, no `if`. `{%` and `{#` are text,
`\{{` is the two braces themselves.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from msgspec import Struct

from handoff.base.patterns import import_with_lazy_patterns, lazy_pattern
from handoff.base.problems import nearest
from handoff.values.filters import FILTERS, wrong_arguments

if TYPE_CHECKING:
    from jinja2 import nodes
    from jinja2.environment import Environment

MAX_LENGTH = 500
"""Characters of one expression."""
MAX_DEPTH = 12
"""Brackets, and steps of the tree, inside each other."""
MAX_EXPRESSIONS = 100
"""Of one text."""

# --- the tree ------------------------------------------------------------------------------


class Constant(Struct, frozen=True):
    value: str | int | float | bool
    offset: int


class Name(Struct, frozen=True):
    """A fact, or a name that is built in."""

    name: str
    offset: int
    """In the author's text, of all nodes."""


class Attribute(Struct, frozen=True):
    """`of.name`, or `of['name']`."""

    of: ExpressionNode
    name: str
    is_subscript: bool
    offset: int


class Filtered(Struct, frozen=True):
    """`of | name(arguments)`; `blank` is none of these, see `Expression`."""

    of: ExpressionNode
    name: str
    arguments: tuple[str | int, ...]
    offset: int


class Comparison(Struct, frozen=True):
    left: ExpressionNode
    operator: str
    """`==`, `!=`, `<`, `<=`, `>`, `>=`."""
    right: ExpressionNode
    offset: int


class Logical(Struct, frozen=True):
    """`and` or `or` of two, `not` of one."""

    operator: str
    of: tuple[ExpressionNode, ...]
    offset: int


ExpressionNode = Constant | Name | Attribute | Filtered | Comparison | Logical


class Literal(Struct, frozen=True):
    """Text that is printed unchanged."""

    text: str
    start: int
    end: int
    """After its last character in the author's text, where `\\{{` is longer."""


class Expression(Struct, frozen=True):
    """`{{ ... }}`."""

    node: ExpressionNode
    hint: str
    """The hint of `blank`, for the blank if there is no value, of the whole `{{ }}`."""
    start: int
    end: int


class InvalidExpression(Struct, frozen=True):
    """A `{{` that cannot be parsed; it prints as a blank."""

    code: str
    message: str
    offset: int
    """Of the error, in the author's text."""
    start: int
    end: int


# --- reading -------------------------------------------------------------------------------


@lru_cache(4096)
def parts(text: str) -> tuple[Literal | Expression | InvalidExpression, ...]:
    """The literal parts and the expressions of an author's text, in order."""
    if "{{" not in text:
        return (Literal(text, 0, len(text)),) if text else ()
    return tuple(_parts(text))


def escape_braces(text: str) -> str:
    """`text` with every `{{` escaped, so that it refers to no fact."""
    return text.replace("{{", "\\{{")


def cited(expression: Expression) -> tuple[str, ...]:
    """The names in an expression, each once, in order: facts and built-in names."""
    return tuple(dict.fromkeys(e.name for e in walk(expression.node) if isinstance(e, Name)))


def walk(node: ExpressionNode) -> Iterator[ExpressionNode]:
    """The node and all below it, in the order of the text."""
    yield node
    match node:
        case Attribute(of) | Filtered(of):
            yield from walk(of)
        case Comparison(left, _, right):
            yield from walk(left)
            yield from walk(right)
        case Logical(_, several):
            for each in several:
                yield from walk(each)


def operands(node: ExpressionNode) -> tuple[ExpressionNode, ...]:
    """The operands of a condition other than constants, in order."""
    match node:
        case Constant():
            return ()
        case Comparison(left, _, right):
            return (*operands(left), *operands(right))
        case Logical(_, of):
            return tuple(each for part in of for each in operands(part))
    return (node,)


_OPENS = lazy_pattern(r"\\?\{\{")
_CLOSES = lazy_pattern(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\}\}""", re.DOTALL)


def _parts(text: str) -> Iterator[Literal | Expression | InvalidExpression]:
    at = count = 0
    while opened := _OPENS.search(text, at):
        if opened.start() > at:
            yield Literal(text[at : opened.start()], at, opened.start())
        start, at = opened.span()
        if opened[0].startswith("\\"):
            yield Literal("{{", start, at)
            continue
        count += 1
        end = _end(text, at)
        if not end or count > MAX_EXPRESSIONS:
            yield _unread(text, start, closed=bool(end))
            return
        yield _expression(text, start, end)
        at = end
    if at < len(text):
        yield Literal(text[at:], at, len(text))


def _unread(text: str, start: int, *, closed: bool) -> InvalidExpression:
    if closed:
        message = f"more than {MAX_EXPRESSIONS} '{{{{ }}}}' in one text"
        return InvalidExpression("L006", message, start, start, len(text))
    message = r"'{{' is never closed, expected '}}', or '\{{' for the braces themselves"
    return InvalidExpression("L001", message, start, start, len(text))


def _end(text: str, start: int) -> int:
    """The offset after the closing `}}`; 0 if there is none."""
    closed = (match for match in _CLOSES.finditer(text, start) if match[0] == "}}")
    found = next(closed, None)
    if found:
        return found.end()
    # an unpaired quote hides what follows, so only the braces count
    return text.find("}}", start) + 2 if "}}" in text[start:] else 0


class _ParseError(Exception):
    def __init__(self, code: str, message: str, offset: int) -> None:
        super().__init__(message)
        self.code = code
        self.offset = offset


def _expression(text: str, start: int, end: int) -> Expression | InvalidExpression:
    try:
        tree = _plain(text, start + 2, end - 2)
        if tree is None:
            tokens = _tokens(text, start + 2, end - 2)
            tree = _Reader(tokens).node(_jinja(tokens), 0)
        return Expression(*_without_blank(tree), start, end)
    except _ParseError as error:
        return InvalidExpression(error.code, str(error), error.offset, start, end)


_PLAIN = lazy_pattern(
    r"\s*(?P<path>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*){0,5})\s*"
    r"(?:\|\s*(?P<filter>[a-z_]+)(?:\('(?P<text>[^'\\\r\n]*)'\))?\s*)?",
    re.ASCII,
)
_WORDS = ("true", "false", "none", "True", "False", "None", "not")
"""What Jinja takes for no name at the start of an expression."""


def _plain(text: str, start: int, end: int) -> ExpressionNode | None:
    """The tree of a path with at most one filter, as nearly every expression is.

    `None` for all others and for errors, which Jinja's parser reads: it takes 3 ms to start.
    """
    found = _PLAIN.fullmatch(text, start, end)
    if found is None or end - start > MAX_LENGTH:
        return None
    first, *names = found["path"].split(".")
    if first in _WORDS:
        return None
    at = found.start("path")
    node: ExpressionNode = Name(first, at)
    at += len(first) + 1
    for name in names:
        node = Attribute(node, name, False, at)
        at += len(name) + 1
    if found["filter"] is None:
        return node
    arguments = () if found["text"] is None else (found["text"],)
    if found["filter"] not in FILTERS or wrong_arguments(found["filter"], arguments):
        return None
    return Filtered(node, found["filter"], arguments, found.start("filter"))


class _Token(Struct, frozen=True):
    text: str
    offset: int


def _tokens(text: str, start: int, end: int) -> list[_Token]:
    """The tokens of an expression, with their offsets in the author's text."""
    import_with_lazy_patterns("jinja2")
    from jinja2 import TemplateSyntaxError  # slow: only a text with `{{` needs it

    if end - start > MAX_LENGTH:
        message = f"an expression of {end - start} characters, at most {MAX_LENGTH} are read"
        raise _ParseError("L006", message, start)
    tokens: list[_Token] = []
    at = start
    # one line, or Jinja would count another length for it
    source = re.sub(r"[\r\n]", " ", text[start:end])
    try:
        for _, kind, word in _environment().lexer.tokeniter(source, None, state="variable"):
            if kind != "whitespace":
                tokens.append(_Token(word, at))
            at += len(word)
    except TemplateSyntaxError as error:
        raise _ParseError("L002", _jinja_message(error), at) from error
    if not tokens:
        raise _ParseError("L002", "'{{ }}' is empty, expected a name", start)
    _check_brackets(tokens)
    return tokens


def _check_brackets(tokens: list[_Token]) -> None:
    """Checked before parsing: the parser recurses as deep as Python allows."""
    depth = 0
    for token in tokens:
        depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(token.text, 0)
        if depth > MAX_DEPTH:
            raise _ParseError("L006", f"more than {MAX_DEPTH} levels of brackets", token.offset)


def _jinja(tokens: list[_Token]) -> nodes.Node:
    from jinja2 import TemplateSyntaxError  # slow: only a text with `{{` needs it
    from jinja2.parser import Parser

    # each token on its own line: the only place Jinja keeps is a line
    source = "\n".join(token.text for token in tokens)
    try:
        parser = Parser(_environment(), source, state="variable")
        tree = parser.parse_expression()
    except TemplateSyntaxError as error:
        raise _ParseError(
            "L002", _jinja_message(error), _offset(tokens, error.lineno)
        ) from error
    except RecursionError as error:
        raise _ParseError("L006", "an expression that is too deep", tokens[0].offset) from error
    if not parser.stream.eos:
        token = tokens[parser.stream.current.lineno - 1]
        raise _ParseError(
            "L002", f"unexpected '{token.text}' after the expression", token.offset
        )
    return tree


def _offset(tokens: list[_Token], line: int) -> int:
    return tokens[min(line, len(tokens)) - 1].offset


def _jinja_message(error: Exception) -> str:
    message = re.sub(r" at \d+$", "", str(getattr(error, "message", error))).rstrip(".")
    message = message.replace("unexpected 'end of template'", "it ends too early")
    message = message.replace("unexpected end of template", "it ends too early")
    return f"{message[:1].lower()}{message[1:]}"


@lru_cache(1)
def _environment() -> Environment:
    from jinja2.environment import Environment  # slow: only a text with `{{` needs it

    return Environment(autoescape=True)


# --- the allow-list ------------------------------------------------------------------------

_OPERATORS = {"eq": "==", "ne": "!=", "lt": "<", "lteq": "<=", "gt": ">", "gteq": ">="}

_REFUSED: Mapping[str, str] = {
    "Call": "calls nothing",
    "CondExpr": "has no 'if', use 'blank' for what is missing",
    "Concat": "has no '~', write the text next to it",
    "Test": "has no 'is', compare with '=='",
    "Slice": "has no slices",
    **dict.fromkeys(("List", "Tuple", "Dict"), "has no lists or mappings"),
    **dict.fromkeys(
        ("Add", "Sub", "Mul", "Div", "FloorDiv", "Mod", "Pow", "Pos", "Neg"),
        "has no arithmetic, compute it in SQL",
    ),
}


class _Reader:
    """Converts Jinja's tree; raises _ParseError for anything that is not listed."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens

    def node(self, tree: nodes.Node, depth: int) -> ExpressionNode:
        kind = type(tree).__name__
        offset = _offset(self._tokens, tree.lineno)
        if depth > MAX_DEPTH:
            raise _ParseError("L006", f"an expression of more than {MAX_DEPTH} levels", offset)
        if kind not in self._read:
            refused = _REFUSED.get(kind, f"has no '{kind}'")
            raise _ParseError("L003", f"an expression {refused}", offset)
        return self._read[kind](self, tree, offset, depth + 1)

    def _name(self, tree: nodes.Name, offset: int, depth: int) -> ExpressionNode:
        return Name(tree.name, offset)

    def _constant(self, tree: nodes.Const, offset: int, depth: int) -> ExpressionNode:
        if isinstance(tree.value, str | int | float):
            return Constant(tree.value, offset)
        raise _ParseError(
            "L003", "an expression has no 'none': a missing value is a blank", offset
        )

    def _negative(self, tree: nodes.Neg, offset: int, depth: int) -> ExpressionNode:
        of = self.node(tree.node, depth)
        is_number = isinstance(of, Constant) and type(of.value) in (int, float)
        if isinstance(of, Constant) and is_number and not isinstance(of.value, str):
            return Constant(-of.value, offset)
        raise _ParseError("L003", f"an expression {_REFUSED['Neg']}", offset)

    def _attribute(self, tree: nodes.Getattr, offset: int, depth: int) -> ExpressionNode:
        # the node has the dot's place, the name is the token behind it
        after = _offset(self._tokens, tree.lineno + 1)
        return Attribute(self.node(tree.node, depth), tree.attr, False, after)

    def _subscript(self, tree: nodes.Getitem, offset: int, depth: int) -> ExpressionNode:
        of = self.node(tree.node, depth)
        name = getattr(tree.arg, "value", None)
        if isinstance(name, bool) or not isinstance(name, str | int):
            message = "a subscript is a constant, such as ['Phase 1']"
            raise _ParseError("L003", message, offset)
        return Attribute(of, str(name), True, offset)

    def _filter(self, tree: nodes.Filter, offset: int, depth: int) -> ExpressionNode:
        if tree.node is None or tree.name not in FILTERS:
            known = nearest(tree.name, FILTERS) or f", known are {', '.join(FILTERS)}"
            raise _ParseError("L004", f"unknown filter '{tree.name}'{known}", offset)
        if tree.kwargs or tree.dyn_args or tree.dyn_kwargs:
            raise _ParseError(
                "L005", f"'{tree.name}' takes its arguments without names", offset
            )
        arguments = tuple(self._argument(tree.name, each, depth) for each in tree.args)
        wrong = wrong_arguments(tree.name, arguments)
        if wrong:
            raise _ParseError("L005", wrong, offset)
        return Filtered(self.node(tree.node, depth), tree.name, arguments, offset)

    def _argument(self, name: str, tree: nodes.Expr, depth: int) -> str | int:
        node = self.node(tree, depth)
        if isinstance(node, Constant) and type(node.value) in (str, int):
            return node.value  # type: ignore[return-value]  # checked above
        raise _ParseError(
            "L005", f"'{name}' takes text or a whole number, as a constant", node.offset
        )

    def _comparison(self, tree: nodes.Compare, offset: int, depth: int) -> ExpressionNode:
        left = self.node(tree.expr, depth)
        if len(tree.ops) != 1:
            message = "compare two values, and join comparisons with 'and'"
            raise _ParseError("L003", message, left.offset)
        operand = tree.ops[0]
        if operand.op not in _OPERATORS:
            known = " ".join(_OPERATORS.values())
            message = f"an expression has no 'in', it compares by {known}"
            raise _ParseError("L003", message, left.offset)
        right = self.node(operand.expr, depth)
        return Comparison(left, _OPERATORS[operand.op], right, left.offset)

    def _both(self, tree: nodes.And | nodes.Or, offset: int, depth: int) -> ExpressionNode:
        operator = type(tree).__name__.lower()
        return Logical(
            operator, (self.node(tree.left, depth), self.node(tree.right, depth)), offset
        )

    def _not(self, tree: nodes.Not, offset: int, depth: int) -> ExpressionNode:
        return Logical("not", (self.node(tree.node, depth),), offset)

    _read: Mapping[str, Callable[..., ExpressionNode]] = {
        "Name": _name,
        "Const": _constant,
        "Neg": _negative,
        "Getattr": _attribute,
        "Getitem": _subscript,
        "Filter": _filter,
        "Compare": _comparison,
        "And": _both,
        "Or": _both,
        "Not": _not,
    }


def _without_blank(node: ExpressionNode) -> tuple[ExpressionNode, str]:
    """The tree without `blank`, and its hint. Raises _ParseError if there are two."""
    hints: list[tuple[str, int]] = []
    bare = _stripped(node, hints)
    if len(hints) > 1:
        raise _ParseError(
            "L005", "'blank' occurs twice; one is for the whole expression", hints[-1][1]
        )
    return bare, hints[0][0] if hints else ""


def _stripped(node: ExpressionNode, hints: list[tuple[str, int]]) -> ExpressionNode:
    match node:
        case Filtered(of, "blank", arguments, offset):
            hints.append((str(arguments[0]) if arguments else "", offset))
            return _stripped(of, hints)
        case Filtered(of, name, arguments, offset):
            return Filtered(_stripped(of, hints), name, arguments, offset)
        case Attribute(of, name, is_subscript, offset):
            return Attribute(_stripped(of, hints), name, is_subscript, offset)
        case Comparison(left, operator, right, offset):
            return Comparison(_stripped(left, hints), operator, _stripped(right, hints), offset)
        case Logical(operator, of_, offset):
            return Logical(operator, tuple(_stripped(each, hints) for each in of_), offset)
    return node
