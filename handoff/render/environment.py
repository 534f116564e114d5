"""Render templates of any author within limits.

Jinja's sandbox keeps a template from Python's insides, not from running for ever or from
filling the memory. Here every turn of a loop, call of a macro, include, printed character and
element of a list is paid from one budget, and only the listed filters and callables exist.
"""

from __future__ import annotations

import marshal
import re
import sys
from collections.abc import Callable, Collection, Mapping
from datetime import date
from decimal import Decimal
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from types import CodeType
from typing import Any, ClassVar

import jinja2
from jinja2 import StrictUndefined, TemplateNotFound, nodes, pass_context, pass_environment
from jinja2.bccache import Bucket, BytecodeCache
from jinja2.exceptions import (
    FilterArgumentError,
    SecurityError,
    TemplateError,
    TemplateRuntimeError,
    TemplateSyntaxError,
    UndefinedError,
)
from jinja2.runtime import BlockReference, LoopContext, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace
from jinja2.visitor import NodeTransformer
from msgspec import Struct

from handoff import __version__
from handoff.base.budget import (
    ELEMENT_WORK,
    TEMPLATE_SECONDS,
    TEMPLATE_WORK,
    Budget,
    Exceeded,
)
from handoff.base.cache import cache_folder, read_cached, write_cached
from handoff.base.characters import has_half
from handoff.base.problems import InvalidInput, Place, Problem, nearest
from handoff.render.filters import checked
from handoff.render.printed_leaves import PrintedLeaves, Words, leaves_of, with_leaves
from handoff.render.templates import NESTED, Folders, WithinTokens, nested_line
from handoff.session.model import Session

MAX_NUMBER = 2**63


# --- the bounds ----------------------------------------------------------------------------


class _Undefined(StrictUndefined):
    """Suggests the nearest name for a misspelt attribute."""

    __slots__ = ()

    @property
    def _undefined_message(self) -> str:
        message: str = super()._undefined_message
        kind = type(self._undefined_obj)
        message = message.replace(
            f"'{kind.__module__}.{kind.__name__} object'", f"'{kind.__name__}'"
        )
        names = [*getattr(kind, "__struct_fields__", ())]
        if isinstance(self._undefined_obj, Session):
            names += self._undefined_obj.content
        if isinstance(self._undefined_obj, Mapping):
            names += self._undefined_obj
        return message + nearest(str(self._undefined_name), names)


class _Paid(NodeTransformer):
    """Puts a payment at the start of whatever can run more than once."""

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return _call("concatenated", node.nodes, node.lineno)

    def visit_List(self, node: nodes.List) -> nodes.Node:  # noqa: N802
        return self._built(node)

    def visit_Dict(self, node: nodes.Dict) -> nodes.Node:  # noqa: N802
        return self._built(node)

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Node:  # noqa: N802
        return self._built(node) if node.ctx == "load" else node

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        is_slice = isinstance(node.arg, nodes.Slice)
        return _call("built", [node], node.lineno) if is_slice else node

    def _built(self, node: nodes.List | nodes.Dict | nodes.Tuple) -> nodes.Node:
        is_constant = not any(node.find_all((nodes.Name, nodes.Call, nodes.Getattr)))
        self.generic_visit(node)
        return node if is_constant else _call("built", [node], node.lineno)

    def generic_visit(self, node: nodes.Node, *args: Any, **kwargs: Any) -> nodes.Node:
        super().generic_visit(node, *args, **kwargs)
        if isinstance(node, _REPEATS):
            price = nodes.Const(_weight(node) + 1, lineno=node.lineno)
            payment = nodes.ExprStmt(_call("spend", [price], node.lineno), lineno=node.lineno)
            node.body.insert(0, payment)
        return node


_REPEATS = (nodes.Template, nodes.For, nodes.Macro, nodes.CallBlock, nodes.Block)


def _call(name: str, args: list[nodes.Expr], line: int) -> nodes.Call:
    of = nodes.EnvironmentAttribute(name, lineno=line)
    return nodes.Call(of, args, [], None, None, lineno=line)


def _weight(node: nodes.Node) -> int:
    """How much literal text one run of `node` prints or puts into lists, at most.

    Without what inner nodes pay for.
    """
    if isinstance(node, nodes.TemplateData):
        return len(node.data)
    if isinstance(node, nodes.Const):
        return 1
    inner = (each for each in node.iter_child_nodes() if not isinstance(each, _REPEATS))
    return sum(_weight(each) for each in inner)


class Environment(WithinTokens, ImmutableSandboxedEnvironment):
    """Renders one document; the budget is for its templates together."""

    intercepted_binops = frozenset(["+", "-", "*", "/", "//", "%", "**"])
    callables: ClassVar[tuple[type, ...]] = (BlockReference, LoopContext, Macro)

    def __init__(
        self,
        folders: Folders,
        filters: Mapping[str, Callable[..., Any]],
        leaf: Callable[[object], str | None],
        printed: PrintedLeaves | None = None,
    ) -> None:
        super().__init__(
            loader=folders,
            undefined=_Undefined,
            autoescape=False,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            auto_reload=False,
            bytecode_cache=Bytecode.of_user(),
        )
        self.folders = folders
        self.filters = {**{k: self.filters[k] for k in _PLAIN}, **self._paid(_TEXT), **_PAYING}
        self.printed_leaves = printed or PrintedLeaves()
        own = {name: checked(name, apply) for name, apply in filters.items()}
        self.filters |= self._paid(
            {name: self.printed_leaves.remembered(apply) for name, apply in own.items()}
        )
        self.globals = {"range": self.globals["range"], "namespace": Namespace}
        self.leaf = leaf
        # with the context, or constants would be printed, and paid, at compile time
        self.finalize = pass_context(lambda _, value: self.printed(value))
        self.budget = Budget(TEMPLATE_WORK, TEMPLATE_SECONDS)

    def spend(self, amount: int) -> None:
        self.budget.spend(amount)

    def built(self, value: object) -> object:
        """A list, mapping, tuple or slice that a template makes."""
        if isinstance(value, str):
            self.spend(len(value))
        else:
            self.budget.spend_on(value)
        return value

    def _paid(self, filters: Mapping[str, Callable[..., Any]]) -> dict[str, Callable[..., Any]]:
        return {name: self._with_price(apply) for name, apply in filters.items()}

    def _with_price(self, apply: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *args, **options: self.built(apply(*args, **options))

    def concatenated(self, *parts: object) -> str:
        return "".join(self.printed(part) for part in parts)

    def printed(self, value: object) -> str:
        """How a `{{ }}` prints: text and numbers unchanged, a leaf of the session filled in."""
        text = self.leaf(value)
        if text is None:
            text = _scalar(value)
        self.printed_leaves.note_printed(value)
        self.spend(len(text))
        if has_half(text):
            raise TemplateRuntimeError("half of a surrogate pair, which no file can hold")
        return text

    def _generate(self, source: nodes.Template, *args: Any, **kwargs: Any) -> str:
        return super()._generate(_Paid().visit(source), *args, **kwargs)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if (
            operator == "+"
            and _plain_type(left) is _plain_type(right)
            and isinstance(left, str | list | tuple)
        ):
            self.spend(len(left) + len(right))
            both = left + right
            return (
                with_leaves(both, leaves_of((left, right))) if isinstance(both, str) else both
            )
        if operator == "**":
            raise SecurityError("templates have no '**', compute it in SQL")
        numbers = isinstance(left, int | float | Decimal) and isinstance(right, int | float)
        if not numbers or max(abs(left), abs(right)) > MAX_NUMBER:
            raise SecurityError(f"'{operator}' in a template takes numbers up to 2^63")
        return super().call_binop(context, operator, left, right)

    def getattr(self, obj: Any, attribute: str) -> Any:
        # a field of ours is nothing that the sandbox looks for, and nearly all that is read
        is_field = isinstance(obj, Struct) and attribute in obj.__struct_fields__
        value = getattr(obj, attribute) if is_field else super().getattr(obj, attribute)
        return self.printed_leaves.note_read(obj, value)

    def getitem(self, obj: Any, argument: Any) -> Any:
        return self.printed_leaves.note_read(obj, super().getitem(obj, argument))

    def is_safe_callable(self, obj: Any) -> bool:
        of = getattr(obj, "__self__", None)
        return (
            isinstance(obj, self.callables)
            or isinstance(of, LoopContext)
            or (of is self and obj.__name__ in ("built", "concatenated", "spend"))
            or any(obj is each for each in self.globals.values())
        )

    def call(self, context: Any, obj: Any, *args: Any, **kwargs: Any) -> Any:
        if not self.is_safe_callable(obj) and not isinstance(obj, StrictUndefined):
            name = getattr(obj, "__name__", type(obj).__name__)
            raise SecurityError(
                f"templates may call only macros, blocks and 'range', not '{name}'"
            )
        self.spend(len(args) + len(kwargs))
        return super().call(context, obj, *args, **kwargs)


def _scalar(value: object) -> str:
    if isinstance(value, StrictUndefined):
        return str(value)  # which raises, with the name
    if isinstance(value, str | date | float | Decimal):
        return str(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    kind = "nothing" if value is None else f"a '{type(value).__name__}'"
    raise TemplateRuntimeError(f"{kind} cannot be printed, see the filters for content")


def _plain_type(value: object) -> type:
    return str if isinstance(value, Words) else type(value)


def _of_text(apply: Callable[[str], str]) -> Callable[[object], str]:
    return lambda value: with_leaves(apply(_scalar(value)), leaves_of((value,)))


@pass_environment
def _join(environment: Environment, values: Any, separator: str = "") -> str:
    between = str(separator)
    given = _list(environment, values)
    parts = []
    for value in given:
        parts.append(_scalar(value))
        environment.spend(len(parts[-1]) + len(between))
    return with_leaves(between.join(parts), leaves_of((*given, separator)))


@pass_environment
def _list(environment: Environment, values: Any) -> list[Any]:
    if isinstance(values, Collection):
        environment.spend(len(values) * ELEMENT_WORK)
        return list(values)
    found = []
    for value in values:
        environment.spend(ELEMENT_WORK)
        found.append(value)
    return found


_PLAIN = (
    "count",
    "d",
    "default",
    "first",
    "items",
    "last",
    "length",
    "reject",
    "rejectattr",
    "select",
    "selectattr",
)
_TEXT: dict[str, Callable[..., Any]] = {
    "capitalize": _of_text(str.capitalize),
    "lower": _of_text(str.lower),
    "title": _of_text(str.title),
    "trim": _of_text(str.strip),
    "upper": _of_text(str.upper),
}
_PAYING: dict[str, Callable[..., Any]] = {"join": _join, "list": _list}

# --- compiled templates --------------------------------------------------------------------

_DIGEST_BYTES = 32


class Bytecode(BytecodeCache):
    """One file a template, named after its text and all that compiles it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def of_user(cls) -> Bytecode | None:
        """The cache of whoever runs this; `None` where there can be none."""
        folder = cache_folder("templates")
        return cls(folder) if folder else None

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = _compiled(self._file(bucket))

    def dump_bytecode(self, bucket: Bucket) -> None:
        if bucket.code is not None:
            code = marshal.dumps(bucket.code)
            write_cached(self._file(bucket), sha256(code).digest() + code)
            _compiled.cache_clear()

    def _file(self, bucket: Bucket) -> Path:
        versions = (sys.implementation.cache_tag, sys.version, jinja2.__version__, __version__)
        named = "\n".join([*map(str, versions), _COMPILER, bucket.key, bucket.checksum])
        return self.folder / sha256(named.encode()).hexdigest()


@lru_cache(maxsize=64)
def _compiled(file: Path) -> CodeType | None:
    """The code in a file of the cache, which is named after what it holds."""
    content = read_cached(file) or b""
    digest, code = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
    if sha256(code).digest() != digest:  # marshal crashes on bytes that were cut
        return None
    loaded = marshal.loads(code)
    return loaded if isinstance(loaded, CodeType) else None


_COMPILER = sha256(Path(__file__).read_bytes()).hexdigest()
"""A payment that changes must not be taken from a template compiled before."""

# --- rendering -----------------------------------------------------------------------------

_FAILURES = (
    TemplateError,
    ArithmeticError,
    AttributeError,
    Exceeded,
    LookupError,
    MemoryError,
    RecursionError,
    SyntaxError,
    TypeError,
    ValueError,
)


def render_template(environment: Environment, name: str, known: Mapping[str, object]) -> str:
    """The text of the template `name`, which is there, with the names in `known`.

    Raises InvalidInput at the template's line for whatever its author got wrong.
    """
    try:
        with environment.budget.watched():
            template = environment.get_template(name)
            return "".join(template.root_render_func(template.new_context(dict(known))))
    except _FAILURES as error:
        problem = _problem(error, name, environment, known)
        if problem is None:  # raised by handoff itself and by no template: a bug
            raise
        raise InvalidInput([problem]) from error


def _problem(
    error: Exception, name: str, environment: Environment, known: Mapping[str, object]
) -> Problem | None:
    if isinstance(error, TemplateSyntaxError):
        path = environment.folders.paths.get(error.name or name, name)
        code = "T003" if (error.message or "").startswith("No ") else "T001"
        found = (error.message or "cannot be read").rstrip(".")
        message = found + _near_name(error, environment)
        return Problem(code, _lower(message), Place(path, error.lineno))
    at, ours = _deepest(error)
    if ours and not isinstance(error, TemplateError | Exceeded | RecursionError | MemoryError):
        return None
    if isinstance(error, RecursionError) and (line := nested_line(error)):
        at = environment.folders.last_read or name, line
    place = Place(environment.folders.paths.get(at[0], at[0]), at[1]) if at else None
    place = place or Place(environment.folders.paths.get(name, name))
    code, message = _told(error, environment, known)
    return Problem(code, _lower(message), place)


def _told(
    error: Exception, environment: Environment, known: Mapping[str, object]
) -> tuple[str, str]:
    match error:
        case Exceeded():
            return "T005", (
                f"the template does not end: more than {TEMPLATE_WORK:,} characters, elements "
                f"of lists and turns of loops, or {TEMPLATE_SECONDS:.0f} seconds"
            )
        case RecursionError() if nested_line(error):
            return "T005", NESTED
        case RecursionError():
            return "T005", "templates, macros or blocks that use each other in a circle"
        case MemoryError() | OverflowError():
            return "T005", str(error) or "the template needs more memory than it may have"
        case SecurityError():
            return "T004", str(error)
        case TemplateNotFound():
            close = nearest(str(error.name), environment.folders.list_templates())
            return "T006", f"no template '{error.name}'{close}"
        case UndefinedError():
            return "T002", str(error) + _near_variable(str(error), known)
        case FilterArgumentError():
            return "T009", str(error)
    return "T009", str(error) or type(error).__name__


def _deepest(error: Exception) -> tuple[tuple[str, int] | None, bool]:
    """The innermost template and line of the traceback, and whether handoff came after it."""
    at, ours = None, False
    trace = error.__traceback__
    while trace is not None:
        module = trace.tb_frame.f_globals
        template = module.get("__jinja_template__")
        if template is not None:
            at = template.name or "", template.get_corresponding_lineno(trace.tb_lineno)
        # not this module, whose checks report errors of a template's author
        name = str(module.get("__name__", ""))
        ours = template is None and name.startswith("handoff.") and name != __name__
        trace = trace.tb_next
    return at, ours


def _near_name(error: TemplateSyntaxError, environment: Environment) -> str:
    found = re.match(r"No (filter|test) named '(\w+)'", error.message or "")
    if not found:
        return ""
    return nearest(found[2], environment.filters if found[1] == "filter" else environment.tests)


def _near_variable(message: str, known: Mapping[str, object]) -> str:
    found = re.match(r"'(\w+)' is undefined", message)
    return nearest(found[1], known) if found else ""


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:].replace("\n", " ")
