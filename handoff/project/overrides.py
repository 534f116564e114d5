"""Settings from the environment and the command line, which override `handoff.yaml`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from handoff.base.problems import Place, Problem, UsageError
from handoff.yaml.nodes import Map, Node, Pair, Scalar, is_null, parse

PREFIX = "HANDOFF_"
ALSO: Mapping[str, str] = {"BIGQUERY_EMULATOR_HOST": "bigquery.endpoint"}
"""Variables of other tools with the same meaning."""


class Override(Struct, frozen=True):
    """One setting from outside the file."""

    key: str
    """`bigquery.project`, `engine`."""
    value: str
    """As it is written in YAML."""
    origin: str
    """`HANDOFF_BIGQUERY_PROJECT`, `--set bigquery.project`."""


def from_environment(variables: Mapping[str, str], keys: Iterable[str]) -> tuple[Override, ...]:
    """The settings among `variables`: `bigquery.project` is `HANDOFF_BIGQUERY_PROJECT`."""
    named = {**ALSO, **{PREFIX + key.replace(".", "_").upper(): key for key in keys}}
    return tuple(
        Override(key, variables[name], name)
        for name, key in named.items()
        if variables.get(name, "").strip()
    )


def from_words(words: Iterable[str]) -> tuple[Override, ...]:
    """The settings of `--set KEY=VALUE`. Raises UsageError."""
    return tuple(map(_override, words))


def apply_overrides(
    node: Node | None, overrides: Iterable[Override], problems: list[Problem]
) -> Node | None:
    """`node`, a mapping, with each override in place of its value; the last one wins."""
    for each in overrides:
        value = _value(each, problems)
        if value is not None:
            node = _with(node, each.key.split("."), value, each.origin)
    return node


def origins(node: Node | None, within: str = "") -> Iterator[tuple[str, str]]:
    """Each setting that is set, and where: `bigquery.project`, `handoff.yaml:3`."""
    for pair in node.pairs if isinstance(node, Map) else ():
        key = f"{within}{pair.key}"
        if isinstance(pair.node, Map) and pair.node.pairs and key not in _WHOLE:
            yield from origins(pair.node, f"{key}.")
        elif not is_null(pair.node):
            yield key, str(replace(pair.place, column=0))


_WHOLE = ("bigquery.labels",)
"""Settings whose value is a mapping."""


def _override(words: str) -> Override:
    key, equals, value = words.partition("=")
    if not equals or not key:
        raise UsageError(f"invalid '--set {words}' (expected KEY=VALUE)")
    return Override(key, value, f"--set {key}")


def _value(override: Override, problems: list[Problem]) -> Node | None:
    """Text unchanged; lists and mappings are read as YAML."""
    text = override.value.strip()
    if not text.startswith(("[", "{")):
        return Scalar(text, Place(override.origin), "plain")
    return parse(text.encode(), override.origin, problems)


def _with(node: Node | None, keys: list[str], value: Node, origin: str) -> Node:
    pairs = node.pairs if isinstance(node, Map) else ()
    place = node.place if node is not None else Place(origin)
    old = next((pair.node for pair in pairs if pair.key == keys[0]), None)
    new = value if len(keys) == 1 else _with(old, keys[1:], value, origin)
    kept = tuple(pair for pair in pairs if pair.key != keys[0])
    return Map((*kept, Pair(keys[0], new, Place(origin))), place)
