"""Vary documents so that what is expected of them still holds.

Headings get other words of the same idea, numbers, emoji, case and levels; labels and list
items are written in another way, and chapters come in another order.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from typing import Any

from handoff.base.markdown import parse_markdown, slug

TITLES = {
    "actions": ["Action items", "Actions", "Follow-ups", "Who does what"],
    "checklist": ["Checklist", "Session checklist", "Completion checklist", "Task list"],
    "commands": [
        *("Commands", "Verification commands", "Commands to run", "Useful commands"),
        *("Key commands", "How to verify", "Quick commands", "How to run it"),
    ],
    "commits": ["Commits", "Commits made", "Git commits", "Commit history"],
    "decisions": [
        *("Decisions", "Key decisions", "Decisions made", "Design decisions"),
        *("Technical decisions", "What we decided"),
    ],
    "do-nots": ["Do not", "Don'ts", "What not to do", "Never do this", "Things to avoid"],
    "done": [
        *("What was done", "Accomplishments", "Completed this session", "Work completed"),
        *("What we did", "Changes made", "What was accomplished", "Completed"),
    ],
    "files": [
        *("Files changed", "Files modified", "Key files", "Files created", "File changes"),
        *("Important files", "Changed files", "Files touched", "Key files & locations"),
    ],
    "findings": [
        *("Key findings", "Findings", "Key learnings", "Lessons learned", "Insights"),
        *("What we learned", "Root cause analysis", "Discoveries", "Findings & insights"),
    ],
    "metrics": [
        *("Metrics", "Success metrics", "Success criteria", "Results", "Key metrics"),
        *("Key numbers", "Statistics", "Performance metrics"),
    ],
    "next": [
        *("Next steps", "Next session", "What's next", "Next session priorities"),
        *("Remaining work", "Immediate next steps", "Next actions", "For the next session"),
        *("Next steps (priority order)", "Recommended next steps", "What is next?"),
    ],
    "prompt": [
        *("Prompt for the next session", "Copy-paste prompt", "Start prompt"),
        *("Next session prompt", "Quick start for next session", "Prompt for a new chat"),
    ],
    "state": ["Current state", "Current status", "Where we are", "System state"],
    "summary": [
        *("Executive summary", "Session summary", "TL;DR", "Overview", "At a glance"),
        *("In a nutshell", "Quick summary", "Summary of the session"),
    ],
    "tried": ["What we tried", "What did not work", "Already tried", "Failed approaches"],
    "troubleshooting": [
        *("Known issues", "Troubleshooting", "Issues and solutions", "Problems encountered"),
        *("Common problems", "If something goes wrong"),
    ],
}
"""Headings of each idea, as people write them; the importer's own table is another one."""
EMOJI = ["", "", "", "🎯 ", "📋 ", "🚀 ", "✅ ", "⚠️ ", "📊 "]
NUMBERS = ["", "", "", "{}. ", "{}) ", "Part {}: ", "{} - "]
CASES = [str, str, str, str.upper, str.lower, str.title]
LABELS = ["**{}:** ", "**{}:** ", "**{}**: ", "**{}** : ", "__{}:__ ", "***{}:*** "]
BULLETS = ["-", "*", "+"]
LABEL = re.compile(r"(\*\*)([^*:\n]{2,40})(?::\*\*|\*\*:) (?=\S)")


def vary(text: str, expected: Mapping[str, Any], seed: object) -> tuple[str, Mapping[str, Any]]:
    """Another form of the document, and what is expected of it."""
    dice = random.Random(str(seed))
    lines = text.split("\n")
    page = parse_markdown(text)
    tokens = [*page.of_type("fence"), *page.of_type("html_block")]
    code = {n for token in tokens for n in range(*(token.map or (0, 0)))}
    renamed = _vary_headings(lines, code, expected, dice)
    label, bullet = dice.choice(LABELS), dice.choice(BULLETS)
    for n, line in enumerate(lines):
        if n not in code and not line.startswith("#"):
            changed = LABEL.sub(lambda found: label.format(found[2]), line)
            lines[n] = re.sub(r"^( *)[-*+] (?=\S)", rf"\1{bullet} ", changed)
    order = _shuffled(lines, code, expected, dice)
    places = {old: new for new, old in enumerate(order, start=1)}

    def moved(faults: Sequence[Sequence[Any]]) -> list[list[Any]]:
        return [[places[line - 1], kind] for line, kind in faults]

    sections = expected.get("sections", {})
    return "\n".join(lines[n] for n in order), {
        **expected,
        "sections": {renamed.get(title, title): idea for title, idea in sections.items()},
        "faults": moved(expected.get("faults", ())),
        "tolerated": moved(expected.get("tolerated", ())),
    }


def _vary_headings(
    lines: list[str], code: set[int], expected: Mapping[str, Any], dice: random.Random
) -> dict[str, str]:
    """Rewrite the headings of known sections; the new title of each."""
    emoji, number, case = dice.choice(EMOJI), dice.choice(NUMBERS), dice.choice(CASES)
    end, deeper = dice.choice(["", "", ":", " ##"]), dice.choice(["", "", "", "#"])
    linked = {*re.findall(r"\]\(#([^)]*)\)", "\n".join(lines))}
    faulty = {line for line, _ in expected.get("faults", ())}
    renamed: dict[str, str] = {}
    ideas = expected.get("sections", {})
    for n, line in enumerate(lines):
        marks, _, title = line.partition(" ")
        if n in code or not re.fullmatch("#{2,5}", marks):
            continue
        name = re.sub(r"\s+#+$", "", title).strip()
        if name in ideas and not re.search(r"\d", name) and n + 1 not in faulty:
            words = case(dice.choice(TITLES[ideas[name]]))
            new = f"{emoji}{number.format(len(renamed) + 1)}{words}"
            if slug(name) not in linked and new not in renamed.values():
                renamed[name] = f"{new}:" if end == ":" else new
                title = f"{new}{end}"
        lines[n] = f"{marks}{deeper} {title}"
    return renamed


def _shuffled(
    lines: Sequence[str], code: set[int], expected: Mapping[str, Any], dice: random.Random
) -> list[int]:
    """The lines in the order of shuffled chapters; a broken fence keeps them in place."""
    broken = {"fence", "nested"} & {
        kind for key in ("faults", "tolerated") for _, kind in expected.get(key, ())
    }
    levels = {
        n: len(line) - len(line.lstrip("#"))
        for n, line in enumerate(lines)
        if n not in code and re.match(r"#{2,6} ", line)
    }
    top = min(levels.values(), default=0)
    starts = [n for n, level in levels.items() if level == top]
    if broken or len(starts) < 3 or dice.random() < 0.5 or "Part 1" in "".join(lines):
        return [*range(len(lines))]
    chapters = [
        [*range(start, end)]
        for start, end in zip(starts, [*starts[1:], len(lines)], strict=True)
    ]
    if lines[-1]:
        return [*range(len(lines))]
    last = chapters[-1].pop()
    dice.shuffle(chapters)
    return [*range(starts[0]), *(n for each in chapters for n in each), last]
