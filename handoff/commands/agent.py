"""`init --agent`: what coding agents read at the start of a session, and their hooks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Template
from typing import Any

from handoff.base.files import confined, read_plain, replace_unchanged, write_new
from handoff.base.problems import Refused
from handoff.commands import console
from handoff.session.keys import KEYS

SKILLS = (".agents/skills/handoff/SKILL.md", ".claude/skills/handoff/SKILL.md")
"""Where agents look for skills; `docs/resuming.md` lists which agent reads which."""
POINTER = "AGENTS.md"
HOOK_SETTINGS = ".claude/settings.json"

_SKILL = Path(__file__).parent / "starter/agent/SKILL.md"
_BEGIN, _END = "<!-- handoff:begin -->", "<!-- handoff:end -->"
_BLOCK = f"""\
{_BEGIN}
## Session handoffs

The state of the work is handed over with `handoff`. At the start of a session run
`handoff resume`; before its end follow `{SKILLS[0]}`.
{_END}
"""
_HOOKS = {
    "SessionStart": ("startup|resume|clear|compact", "handoff resume --hook"),
    "Stop": ("", "handoff todo --hook"),
}
"""Event: matcher and command."""
_HOOK_SECONDS = 20


class _CannotMerge(Exception):
    """Why the hooks cannot be written into an existing file."""


def install(root: Path, *, hooks: bool) -> None:
    """Write the skills, the pointer in `AGENTS.md` and, if asked for, the hooks.

    Files that exist keep what is in them. Raises WorldError.
    """
    text = skill()
    for path in SKILLS:
        is_new = write_new(confined(root, path), text.encode(), place=path)
        console.note(f"{'wrote' if is_new else 'kept existing'} {path}")
    _add_pointer(root)
    if hooks:
        _add_hooks(root)


# --- the skill -----------------------------------------------------------------------------


def skill() -> str:
    """The skill for coding agents, with the reference of all fields."""
    return Template(_SKILL.read_text("utf-8")).substitute(fields="\n".join(_field_lines()))


_LINK = re.compile(r"\[([^]]*)\]\([^)]*\)")
_BLANK_FIELD = re.compile(r": (?=[,}])")


def _field_lines() -> Iterator[str]:
    """A line for each kind of value, with the keys that take it."""
    kinds: dict[str, list[str]] = {}
    for key in KEYS:
        words = _BLANK_FIELD.sub("", _LINK.sub(r"\1", key.shape.words)).replace("`", "")
        kinds.setdefault(words, []).append(f"`{key.name}` ({_short(key.description)})")
    for words, keys in kinds.items():
        yield f"- {words}: {', '.join(keys)}"


def _short(description: str) -> str:
    """The first clause, as a note: `queries and sources whose results the session cites`."""
    first = re.split(r"; |: |\.$", description)[0]
    return re.sub(r"^(the|which|additional) ", "", first[0].lower() + first[1:])


# --- AGENTS.md -----------------------------------------------------------------------------


def _add_pointer(root: Path) -> None:
    """Append a marked block to `AGENTS.md`, once."""
    file = confined(root, POINTER)
    old = read_plain(file, POINTER)
    if old is None:
        write_new(file, _BLOCK.encode(), place=POINTER)
        console.note(f"wrote {POINTER}")
        return
    if _BEGIN.encode() in old:
        console.note(f"kept existing block in {POINTER}")
        return
    if b"\0" in old:
        console.note(f"kept existing {POINTER}, which is not UTF-8; add this to it:")
        console.lines(_BLOCK)
        return
    line_end = b"\r\n" if b"\r\n" in old else b"\n"
    gap = b"" if not old else line_end if old.endswith(b"\n") else line_end * 2
    block = _BLOCK.encode().replace(b"\n", line_end)
    _replace(file, POINTER, old, old + gap + block)
    console.note(f"added a block to {POINTER}")


def _replace(file: Path, place: str, old: bytes, new: bytes) -> None:
    if not replace_unchanged(file, new, old, place=place):
        raise Refused(f"{place}: error: changed on disk while writing; left untouched")


# --- hooks ---------------------------------------------------------------------------------


def _add_hooks(root: Path) -> None:
    """Add the hooks to the settings of Claude Code, or print them if that is not safe."""
    file = confined(root, HOOK_SETTINGS)
    old = read_plain(file, HOOK_SETTINGS)
    if old is None:
        text = json.dumps({"hooks": _hook_entries({})}, indent=2)
        write_new(file, f"{text}\n".encode(), place=HOOK_SETTINGS)
        console.note(f"wrote {HOOK_SETTINGS}")
        return
    try:
        new = merge_hooks(old)
    except _CannotMerge as error:
        console.note(f"kept existing {HOOK_SETTINGS} ({error}); add these hooks to it:")
        console.lines(json.dumps({"hooks": _hook_entries({})}, indent=2))
        return
    if new == old:
        console.note(f"kept existing hooks in {HOOK_SETTINGS}")
        return
    _replace(file, HOOK_SETTINGS, old, new)
    console.note(f"added hooks to {HOOK_SETTINGS}")


def merge_hooks(old: bytes) -> bytes:
    """The settings file with the hooks; every value, key and their order are kept.

    Raises _CannotMerge for what would be lost: duplicate keys, comments, numbers that are
    not written the way they are read.
    """
    try:
        text = old.decode("utf-8")
        settings = json.loads(
            text, object_pairs_hook=_unique, parse_float=_exact, parse_constant=_exact
        )
    except (ValueError, RecursionError) as error:
        raise _CannotMerge("it is not plain JSON") from error
    if not isinstance(settings, dict):
        raise _CannotMerge("it is not a mapping")
    existing = settings.get("hooks", {})
    entries = existing.values() if isinstance(existing, dict) else [None]
    if not all(isinstance(each, list) for each in entries):
        raise _CannotMerge("its 'hooks' have an unknown shape")
    added = _hook_entries(existing)
    if not added:
        return old
    hooks = {**existing, **{name: [*existing.get(name, []), *added[name]] for name in added}}
    indent = re.search(r"\n([ \t]+)\"", text)
    new = json.dumps(
        {**settings, "hooks": hooks},
        indent=indent[1] if indent else 2,
        ensure_ascii="\\u" in text,
    )
    return f"{new}\n".replace("\n", "\r\n" if "\r\n" in text else "\n").encode()


def _hook_entries(existing: Mapping[str, Any]) -> dict[str, list[Any]]:
    """The hooks that `existing` lacks, by event."""
    found = {}
    for event, (matcher, command) in _HOOKS.items():
        if command in json.dumps(existing.get(event, [])):
            continue
        # exit code 2, as of a version without the option, would block the agent
        run = {"type": "command", "command": f"{command} || exit 0", "timeout": _HOOK_SECONDS}
        found[event] = [{**({"matcher": matcher} if matcher else {}), "hooks": [run]}]
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is there twice")
    return found


def _exact(text: str) -> float:
    value = float(text)
    if repr(value) != text:
        raise ValueError("a number would be written in another way")
    return value
