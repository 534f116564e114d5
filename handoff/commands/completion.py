"""`completion`: what may stand next on a command line, for the shells that ask."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Annotated

import typer
from msgspec import Struct

from handoff import api
from handoff.base.data import data_folder
from handoff.base.problems import HandoffError, UsageError, nearest
from handoff.base.report import printable
from handoff.commands import console
from handoff.project.project import Project
from handoff.project.settings import ENGINES
from handoff.yaml.nodes import List, Map, Node, parse

_BASH = """\
# handoff completion bash; in ~/.bashrc: eval "$(handoff completion bash)"
_handoff() {
    local line
    COMPREPLY=()
    while IFS= read -r line; do
        COMPREPLY+=("$line")
    done < <("$1" completion words -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o filenames -o default -F _handoff handoff
"""
_ZSH = """\
#compdef handoff
# handoff completion zsh; in ~/.zshrc, after compinit: source <(handoff completion zsh)
_handoff() {
    local -a found inner
    found=("${(@f)$(handoff completion words -- "${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
    inner=(${(M)found:#*.})
    found=(${found:#*.})
    compadd -S '' -a inner
    compadd -a found
}
compdef _handoff handoff
"""
_FISH = """\
# handoff completion fish; in ~/.config/fish/config.fish: handoff completion fish | source
complete -c handoff -f -a \\
    '(handoff completion words -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'
"""
_SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


def completion(
    shell: Annotated[
        str, typer.Argument(metavar="SHELL", help="bash, zsh or fish: its script is printed.")
    ],
    words: Annotated[list[str] | None, typer.Argument(hidden=True)] = None,
) -> int:
    """Print the script for completion in a shell.

    It completes commands, sessions, paths and questions.
    """
    if shell == "words":
        console.out("".join(f"{each}\n" for each in suggestions(words or [""])))
        return 0
    if shell not in _SCRIPTS:
        known = nearest(shell, _SCRIPTS) or f", expected {' or '.join(_SCRIPTS)}"
        raise UsageError(f"handoff: error: no completion for '{shell}'{known}")
    console.out(_SCRIPTS[shell])
    return 0


def suggestions(words: Sequence[str]) -> list[str]:
    """What the last of `words`, which may be empty, can become; one with an error has none."""
    *before, last = words
    try:
        found = _fitting(before, _unquoted(last))
        # a shell takes the only one for the end of the word and closes its quotes
        while len(found) == 1 and found[0].endswith("."):
            found = _fitting(before, found[0])
    except HandoffError:
        return []
    return found


def _fitting(before: Sequence[str], typed: str) -> list[str]:
    found = [each for each in _possible(before, typed) if each == printable(each)]
    exact = [each for each in found if each.startswith(typed)]
    folded = [each for each in found if each.casefold().startswith(typed.casefold())]
    return list(dict.fromkeys(exact or folded))


def _unquoted(word: str) -> str:
    """What a shell makes of a word whose quotes may still be open."""
    if word.startswith("'"):
        return word[1:].removesuffix("'")
    if word.startswith('"'):
        return re.sub(r'\\([\\"$`])', r"\1", word[1:].removesuffix('"'))
    return re.sub(r"\\(.)", r"\1", word)


# --- which word it is ----------------------------------------------------------------------


class _Parameter(Struct, frozen=True):
    """An argument or an option of a command."""

    name: str
    options: tuple[str, ...]
    """Empty for an argument."""
    is_flag: bool
    takes_many: bool


def _possible(before: Sequence[str], typed: str) -> Iterable[str]:
    from handoff.commands.registry import COMMANDS, app_for

    words = [_unquoted(word) for word in before]
    if not words:
        return COMMANDS
    command: object = typer.main.get_command(app_for(words[:1]))
    while words and _commands(command):
        command = _commands(command).get(words.pop(0))
    if _commands(command):
        return _commands(command)
    return _of_command(_parameters(command), words, typed)


def _commands(command: object) -> Mapping[str, object]:
    """The commands of a group."""
    return getattr(command, "commands", None) or {}


def _parameters(command: object) -> tuple[_Parameter, ...]:
    return tuple(
        _Parameter(
            each.name,
            tuple(name for name in each.opts if name.startswith("-")),
            bool(getattr(each, "is_flag", False)),
            each.nargs == -1,
        )
        for each in getattr(command, "params", ())
    )


def _of_command(
    parameters: Sequence[_Parameter], words: Sequence[str], typed: str
) -> Iterable[str]:
    options = {name: each for each in parameters for name in each.options}
    given: dict[str, str] = {}
    arguments: list[str] = []
    waits: _Parameter | None = None
    for word in words:
        if waits:
            given[waits.name] = word
            waits = None
        elif word in options:
            waits = None if options[word].is_flag else options[word]
        elif not word.startswith("-"):
            arguments.append(word)
    if typed.startswith("-") and not waits:
        return [name for name in options if name.startswith("--")]
    here = waits or _argument(parameters, len(arguments))
    values = _VALUES.get(here.name) if here else None
    if values is None:
        return ()
    project = api.open_project(given.get("root"))
    return values(project, arguments[0] if arguments else "latest", typed)


def _argument(parameters: Sequence[_Parameter], count: int) -> _Parameter | None:
    """The argument behind `count` others."""
    arguments = [each for each in parameters if not each.options]
    if count < len(arguments):
        return arguments[count]
    return arguments[-1] if arguments and arguments[-1].takes_many else None


# --- what there is -------------------------------------------------------------------------


def _ids(project: Project, session: str, typed: str) -> Iterable[str]:
    ids = project.session_ids()
    return [*ids, "latest"] if ids else []


def _questions(project: Project, session: str, typed: str) -> Iterable[str]:
    return project.query_names()


def _engines(project: Project, session: str, typed: str) -> Iterable[str]:
    return ENGINES


def _templates(project: Project, session: str, typed: str) -> Iterable[str]:
    folders = (project.root / project.settings.templates, data_folder("templates"))
    return sorted(
        {file.name.removesuffix(".md.j2") for f in folders for file in f.glob("*.md.j2")}
    )


def _paths(project: Project, session: str, typed: str) -> Iterable[str]:
    """The places one label further than what is typed; one that holds others ends in a dot."""
    for above, key, node in _places(_root(project, session), ""):
        path = f"{above}{key}{'.' if _children(node) else ''}"
        is_typed = path.endswith(".") and path.casefold() == typed.casefold()
        if typed.casefold().startswith(above.casefold()) and not is_typed:
            yield path


def _boxes(project: Project, session: str, typed: str) -> Iterable[str]:
    """The labels of every checklist."""
    for _, key, node in _places(_root(project, session), ""):
        if key == "checklist" and isinstance(node, Map):
            yield from (pair.key for pair in node.pairs)


def _root(project: Project, session: str) -> Node | None:
    path = api.session_path(api.session_named(project, session))
    return parse(project.read(path) or b"", path, [])


def _places(node: Node | None, above: str) -> Iterator[tuple[str, str, Node]]:
    """Every place: the way to it with a dot behind, its label, and what stands there."""
    for key, inner in _children(node):
        yield above, key, inner
        yield from _places(inner, f"{above}{key}.")


def _children(node: Node | None) -> Iterable[tuple[str, Node]]:
    if isinstance(node, Map):
        return [(pair.key, pair.node) for pair in node.pairs]
    if isinstance(node, List):
        return [(str(n), each) for n, each in enumerate(node.nodes)]
    return ()


_VALUES: Mapping[str, Callable[[Project, str, str], Iterable[str]]] = {
    "session": _ids,
    "sessions": _ids,
    "source": _ids,
    "path": _paths,
    "box": _boxes,
    "question": _questions,
    "questions": _questions,
    "engine": _engines,
    "template": _templates,
}
"""Name of an argument or option to what it may be."""
