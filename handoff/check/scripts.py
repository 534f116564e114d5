"""The scripts that shell commands run, as far as the text decides which."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator, Sequence

from msgspec import Struct

RUNNERS = frozenset(
    [
        *("python", "python3", "bash", "sh", "zsh", "ksh", "dash", "source", "."),
        *("node", "deno", "ruby", "perl", "php", "Rscript", "julia"),
    ]
)
"""Commands whose first argument that is not an option is a script."""
_WRAPPERS = frozenset(
    [
        *("sudo", "time", "nohup", "exec", "env", "command", "nice", "caffeinate"),
        *("uv", "poetry", "pipenv", "run"),
        *("if", "then", "else", "while", "until", "do", "!"),
    ]
)
"""Words before the command itself."""
_INLINE = ("-c", "-m", "-e", "-", "--command", "-p")
"""What follows these is code or a module's name, not a script."""
_SCRIPT = re.compile(r"[\w@+.-]*(?:/[\w@+.-]+)*\.(?:py|sh|bash|zsh|rb|pl|js|mjs|ts|R|jl|php)")
_ASSIGNED = re.compile(r"[A-Za-z_]\w*=")
_ENDS = re.compile(r"[;&|()]+")
_CONTINUED = re.compile(r"\\\n")
_UNDECIDED = re.compile(r"[$`*?<>{}\[\]~]|^/|://")


class Script(Struct, frozen=True):
    """A script that a command runs."""

    path: str
    """From the root, normalised, with every `cd` before it followed."""
    line: int
    """Counted from 0."""


def scripts(shell: str) -> tuple[Script, ...]:
    """The scripts that shell commands run; not those that variables or a glob decide.

    What follows a here-document, or a `cd` to an unknown folder, is ignored.
    """
    return tuple(_scripts(shell))


def is_command(words: str) -> bool:
    """Whether words in backticks are a command, not just the name of a file."""
    return words.startswith("./") or words.split(" ", 1)[0] in RUNNERS | {"sudo", "uv"}


def _scripts(shell: str) -> Iterator[Script]:
    folder = ""
    # a continued line keeps its number
    joined = _CONTINUED.sub(lambda _: " \0", shell)
    number = 0
    for line in joined.split("\n"):
        for command in _commands(line.replace("\0", "")):
            if command[0] == "cd":
                target = command[1] if len(command) > 1 else "~"
                if _UNDECIDED.search(target):
                    return
                folder = posixpath.join(folder, target)
                continue
            path = _script(command)
            if path is not None:
                yield Script(posixpath.normpath(posixpath.join(folder, path)), number)
        if "<<" in line:
            return
        number += 1 + line.count("\0")


def _commands(line: str) -> Iterator[Sequence[str]]:
    """The commands of a line, each without wrappers and assignments."""
    words: list[str] = []
    for word in [*_words(line), ";"]:
        if not _ENDS.fullmatch(word):
            words.append(word)
            continue
        while words and (words[0] in _WRAPPERS or _ASSIGNED.match(words[0])):
            words.pop(0)
        if words:
            yield words
        words = []


def _words(line: str) -> Sequence[str]:
    lexer = shlex.shlex(line.removeprefix("$ "), posix=True, punctuation_chars=";&|()")
    lexer.whitespace_split = True
    try:
        return list(lexer)
    except ValueError:  # an open quote
        return ()


def _script(command: Sequence[str]) -> str | None:
    """The script that a command is or runs; `None` if there is none or it is undecided."""
    word = command[0]
    if word in RUNNERS:
        rest = list(command[1:])
        while rest and rest[0].startswith("-") and rest[0] not in _INLINE:
            rest.pop(0)
        word = rest[0] if rest and rest[0] not in _INLINE else ""
    elif "/" not in word:
        return None
    if _UNDECIDED.search(word) or not (word.startswith("./") or _SCRIPT.fullmatch(word)):
        return None
    return word
