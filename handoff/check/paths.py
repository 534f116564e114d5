"""Paths in an author's words that lead to no file, with the place where the file is now."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from msgspec import Struct

from handoff.base.patterns import lazy_pattern
from handoff.base.problems import Place
from handoff.check.rule import AuthorContext, DocumentContext, Finding, rule
from handoff.session.model import Text, place_in
from handoff.session.reading_list import prompts
from handoff.session.walk import leaves


@rule("D013", "warning", "a path that leads to no file")
def dead_path(context: AuthorContext) -> Iterator[Finding]:
    """A quarter of the paths in old handoffs are dead, mostly because the file was moved.

    Looked for from the root, from the document's folder and those above it. A path counts if
    it is in backticks, begins an item or a cell, or is anywhere in a prompt; and only if its
    folder exists, a file of its name does, or git had it. Patterns, placeholders, absolute and
    home paths, what git ignores, and what the text says is to be made, is gone or is elsewhere
    are left alone.

    Fails: `ml/train.py`, which is `ml/models/train.py` now
    """
    found = [each for each in _mentions(context) if _is_dead(each, context)]
    ignored = context.ignored([each.path for each in found])
    seen: set[tuple[str, int]] = set()
    for each in found:
        key = each.path, each.place.line
        if each.path not in ignored and key not in seen:
            seen.add(key)
            yield each.place, f"'{each.path}' does not exist{namesakes(each.path, context)}"


class Mention(Struct, frozen=True):
    """A path in an author's words."""

    path: str
    place: Place
    in_prompt: bool
    """Or is to be read: the next session begins with it."""


def namesakes(path: str, context: AuthorContext) -> str:
    """Where files of that name are, to append to a message."""
    moved = context.moved(path)
    if moved:
        return f"; it was moved to '{moved}'"
    found = context.tree.paths.of_name(posixpath.basename(path.rstrip("/")))
    if not found or path.endswith("/"):
        return ""
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    return f"; a file of that name is '{_closest(path, found)}'{more}"


def exists(path: str, context: AuthorContext) -> bool:
    """Whether a path leads to a file, from the root, the document's folder or one above it."""
    return any(context.tree.has(each) for each in _candidates(path, context))


def _closest(path: str, found: tuple[str, ...]) -> str:
    """The one that shares most folders with the path."""
    folders = set(path.split("/"))
    return max(found, key=lambda each: (len(folders & set(each.split("/"))), -len(each)))


def _candidates(path: str, context: AuthorContext) -> Iterator[str]:
    folder = posixpath.dirname(context.document_path)
    while True:
        joined = posixpath.normpath(posixpath.join(folder, path))
        if not joined.startswith(".."):
            yield joined
        if not folder:
            return
        folder = posixpath.dirname(folder)


# --- what is a path --------------------------------------------------------------------------

_CODE = lazy_pattern(r"(?<!`)`([^`\n]{3,200})`(?!`)")
_BARE = lazy_pattern(
    r"(?<![\w/.:~$\\@{<(=+-])(?:\.{1,2}/)?[\w.@-]+(?:/[\w.@+-]+)+(?![\w/:*<{$])"
)
_FIRST = lazy_pattern(r"^[ >\t]*(?:(?:[-*+]|\d{1,3}[.)])\s+)?(?:\[[ xX]\]\s+)?")
_PATH = lazy_pattern(r"(?:\.{1,2}/)*[\w.@+-]+(?:/[\w.@+ -]+)+/?")
_EXTENSION = lazy_pattern(r"\.[A-Za-z][A-Za-z0-9]{0,7}$")
_SPOT = lazy_pattern(r"(?:#L?[\w.-]*|::[\w:\[\]-]+|:\d[\d:,-]*|\(\))$")
_DOMAIN = lazy_pattern(
    r"^[\w-]+(?:\.[\w-]+)*\.(?:com|org|io|net|dev|app|ai|co|de|edu|gov|cloud)/"
)
_PLACEHOLDER = lazy_pattern(
    r"(?i)(?:^|[/_.-])(?:x{2,}|y{3,}|n{2,}|foo|bar|baz|path/to|your|my|some|example)(?=[/_.-]|$)"
    r"|YYYY|\bMM\b|\bDD\b|\.\.\.|…"
)
_MADE = frozenset(
    (
        *(
            "log",
            "logs",
            "tmp",
            "temp",
            "out",
            "output",
            "outputs",
            "artifacts",
            "build",
            "dist",
        ),
        *(
            "target",
            "coverage",
            "node_modules",
            "vendor",
            "venv",
            ".venv",
            "__pycache__",
            ".git",
        ),
        *("site-packages", "third_party", "checkpoints", "cache", ".cache", "results"),
    )
)
"""Folders of what programs write, which clones do not have."""
_MADE_ENDS = (".log", ".pid", ".tmp", ".lock", ".pyc", ".ckpt", ".parquet")
_ELSEWHERE = lazy_pattern(
    r"(?i)\b(?:delet\w+|remov\w+|dropp?(?:ed|s|ing)|renam\w+|moved?|moves|replac\w+|supersed\w+"
    r"|gone|missing|n[o']t exist|not found|no longer|used to|formerly|obsolete|retired"
    r"|merged into|never (?:committed|existed|written|made)"
    r"|not (?:yet )?(?:committed|written|created|there)|to be (?:created|written|added|made)"
    r"|will (?:be|create|write|add|live|contain|hold|go)|creates?|creating|generat\w+|produc\w+"
    r"|writes|writing|written (?:to|by|at|on|when)|outputs?|saved? to|saves|exports?|downloads?"
    r"|uploads?|dumps?|proposed|planned|gitignored?|ignored|in branch|on branch|branch `"
    r"|(?:another|other|their|separate|upstream) (?:repo\w*|project)|repo(?:sitory)? \S+"
    r"|(?:report|log|append|write|store|put|copy|send|print)s?(?:\s[\w-]+){0,4} (?:to|into)"
    r"|on the (?:host|server|machine|cluster|node|box|bucket))\b|~~|→|->"
)
_CLAUSE = lazy_pattern(r"[.;](?=\s|$)")
_READ = lazy_pattern(
    r"(?i)\b(?:read|see|open|follow|(?:start|continue) (?:from|with)|details in)\b\W*$"
)
_TO_MAKE = lazy_pattern(
    r"(?i)\b(?:(?:write|draft|scaffold|save|record)\b|(?:add|introduce|extract|implement|build|make"
    r"|put|store|publish|new)\b(?P<rest>[^.;]{0,60})$)"
)
_INTO = lazy_pattern(r"(?i)\b(?:to|in|into|at|from|of)\b")
_HEADING_ELSEWHERE = lazy_pattern(
    r"(?i)\b(?:delet\w+|remov\w+|renam\w+|to (?:be )?(?:create\w*|add\w*|write|written)|planned"
    r"|proposed|generated|outputs?|artifacts?|archived|moved)\b"
)


def _path_of(words: str) -> str:
    """The path that words are, without what follows it; empty if they are none."""
    path = _SPOT.sub("", words.strip()).removeprefix("./")
    if not _PATH.fullmatch(path) or _PLACEHOLDER.search(path) or _DOMAIN.match(path):
        return ""
    parts = path.rstrip("/").split("/")
    if not _EXTENSION.search(parts[-1]) and not (path.endswith("/") and len(parts) > 1):
        return ""
    is_made = not _MADE.isdisjoint(parts[:-1]) or path.endswith(_MADE_ENDS)
    has_words = any(" " in each.strip() or each != each.strip() for each in parts)
    return "" if is_made or has_words or re.fullmatch(r"[\d./-]+", path) else path


def _mentions(context: AuthorContext) -> Iterator[Mention]:
    for text, above, in_prompt in _texts(context):
        if _HEADING_ELSEWHERE.search(above):
            continue
        start = 0
        for line in text.value.split("\n"):
            yield from _of_line(line, text, start, in_prompt=in_prompt)
            start += len(line) + 1


def _texts(context: AuthorContext) -> Iterator[tuple[Text, str, bool]]:
    """What authors wrote, the headings and the label above, and whether it is a prompt's."""
    if isinstance(context, DocumentContext):
        numbers = {n for n, _ in context.prompt_lines}
        label = heading = ""
        for text in context.texts:
            line = text.place.line
            heading, before = context.heading_of(line), heading
            if not _ITEM.match(context.page.lines[line - 1]):
                label = text.value if text.value.rstrip(" *_").endswith(":") else ""
            label = label if heading == before else ""
            yield text, f"{heading} {label}", context.is_prompt or line in numbers
        return
    yield from ((text, "", False) for text in context.texts[:1])
    read = {id(x.path) for prompt in prompts(context.session).values() for x in prompt.read}
    for leaf in leaves(context.session):  # P001 reports those to read, H003 the evidence
        is_other = leaf.role == "evidence" or id(leaf.node) in read
        if isinstance(leaf.node, Text) and not is_other:
            labels = " ".join(key for key in leaf.path if isinstance(key, str))
            yield leaf.node, labels, leaf.path[:1] in (("prompt",), ("prompts",))


_ITEM = lazy_pattern(r"[ >\t]*(?:[-*+|]|\d{1,3}[.)])[\s]")


def _of_line(line: str, text: Text, start: int, *, in_prompt: bool) -> Iterator[Mention]:
    if "/" not in line:
        return
    spans = [(match.start(1), match[1]) for match in _CODE.finditer(line)]
    bare = _CODE.sub(lambda match: "`" * len(match[0]), line)
    begin = _FIRST.match(bare)
    for match in _BARE.finditer(bare):
        if in_prompt or (begin and match.start() == begin.end()):
            spans.append((match.start(), match[0].rstrip(".,;:")))
    for at, words in spans:
        path = _path_of(words)
        if path and not _is_elsewhere(line, at, at + len(words)):
            is_read = _READ.search(line[:at]) is not None and path.endswith(".md")
            yield Mention(path, place_in(text, start + at), in_prompt or is_read)


def _is_elsewhere(line: str, start: int, end: int) -> bool:
    """Whether the words around say that the file is not there yet, no more, or not here."""
    before = _CLAUSE.split(_CODE.sub("``", line[:start]))[-1]
    after = _CLAUSE.split(_CODE.sub("``", line[end:]))[0]
    if _ELSEWHERE.search(f"{before} {after}"):
        return True
    made = _TO_MAKE.search(before)
    return made is not None and _INTO.search(made["rest"] or "") is None


# --- what is dead ----------------------------------------------------------------------------


def _is_dead(mention: Mention, context: AuthorContext) -> bool:
    path = mention.path
    if not context.has_root and not path.startswith("../"):
        return False
    if exists(path, context) or _is_below(path, context):
        return False
    return is_known(path, context) or (mention.in_prompt and _has_kind(path, context))


def _has_kind(path: str, context: AuthorContext) -> bool:
    """Whether the repository has files with that extension: else it is another one's path."""
    return posixpath.splitext(path)[1] in context.tree.paths.extensions


def is_known(path: str, context: AuthorContext) -> bool:
    """Whether a missing file is one of this repository, by its folder, its name or git."""
    is_hidden = path.startswith(".") and not path.startswith("../")  # as `.github/ci.yml`
    if not is_hidden and context.tree.paths.of_name(posixpath.basename(path.rstrip("/"))):
        return True
    if not context.has_root:
        return False
    folder = posixpath.dirname(path.rstrip("/"))
    top = path.partition("/")[0]
    return any(exists(each, context) for each in (folder, top)) or context.is_deleted(path)


def _is_below(path: str, context: AuthorContext) -> bool:
    """Whether the path is right from the folder of a package, as in a repository of several."""
    found = context.tree.paths.of_name(posixpath.basename(path.rstrip("/")))
    folders = (each.removesuffix(path) for each in found if each.endswith(f"/{path}"))
    return any(context.tree.has(f"{each}{name}") for each in folders for name in _PACKAGES)


_PACKAGES = (
    *("package.json", "pyproject.toml", "setup.py", "go.mod", "Cargo.toml", "pom.xml"),
    *(
        "__init__.py",
        "build.gradle",
        "composer.json",
        "Gemfile",
        "mix.exs",
        "handoff.yaml",
        "dbt_project.yml",
    ),
)
"""Files of the top folder of a package."""
