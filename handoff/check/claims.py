"""Typed claims compared with the recorded facts: numbers, states, dates and counts.

A claim is compared only if its subject is a row of a fact: the row's key or title, or a label
under which the author cites that row. Everything else is somebody's prose and is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

from handoff.base.problems import KeyPath, Place, Problem
from handoff.check.rule import CheckContext, Rule, rule_among
from handoff.check.subjects import (
    SHARES,
    Clause,
    Subject,
    by_name,
    clauses,
    of_label,
    plain_number,
    subjects,
)
from handoff.session.model import ChecklistItem, Condition, Text
from handoff.session.walk import every, leaves
from handoff.values.printing import MONTHS, timestamp_text

_HEDGE = re.compile(
    r"(?i)\b(?:was|were|had|yesterday|earlier|previously|formerly|before|ago|at the start"
    r"|initially|expect\w*|target\w*|goals?|aim\w*|plan\w*|estimat\w*|should|must|need\w*|want\w*"
    r"|will|would|could|can|may|might|if|when|once|until|unless|after|hop\w+|assum\w*|at least"
    r"|at most|up to|minimum|threshold|limit|from|to be|going to|next|remain\w*|left|missing"
    r"|todo|verify|check|whether|ensure|make sure|wait\w*|instead|not)\b|n't\b|[≥≤<>~?]|→|->"
)
_COUNT = re.compile(
    r"(?<![\w.,/:-])(?P<part>\d{1,3}(?:,\d{3})+|\d+)\s*(?:/|of|out of)\s*(?:the\s+|all\s+)?"
    r"(?P<total>\d{1,3}(?:,\d{3})+|\d+)(?![\w/:-]|[.,]\d)(?:\s+(?P<unit>[A-Za-z]+(?:\s[A-Za-z]+)?))?"
)
_PERCENT = re.compile(r"(?<![\w.,/:-])(?P<number>\d{1,3}(?:\.\d+)?)\s?%(?P<after>[^,.;]{0,24})")
_FILLER = (
    r"(?:\s|:|=|—|–|-|✅|🎉|☑️?|\b(?:is|are|was|were|has|have|had|been|now|already|fully|all|the|of"
    r"|successfully|completely|entirely|100\s?%|status|state|backfill|run|load|rebuild|processing"
    r"|phase|table|data|dates|days|rows)\b)*"
)
_DONE = (
    r"(?:complete|completed|done|finished|rebuilt|backfilled|loaded|populated|processed|recomputed"
    r"|migrated|at 100\s?%|100\s?%(?:\s+(?:done|complete|finished))?)"
)
_ENDS = (
    r"(?=\s*(?:$|[^\w\s%\0]|✅|\b(?:as|on|at|since|today|yesterday|in|for|by|already|now|again"
    r"|successfully|fully)\b))"
)
_STATES = {
    "not started": r"(?:not|has not|hasn't) (?:yet )?(?:started|begun)",
    "running": r"(?:still )?(?:running|ongoing)",
    "in progress": r"(?:still )?(?:in progress|under way|underway)",
    "stalled": r"(?:stalled|stuck)",
    "incomplete": (
        r"(?:incomplete|not (?:yet )?(?:complete|done|finished)|unfinished|partial(?:ly done)?)"
    ),
}
_AGREES: Mapping[str, tuple[str, ...]] = {
    "complete": ("complete",),
    "not started": ("not started",),
    "running": ("running", "incomplete"),
    "in progress": ("running", "incomplete", "stalled"),
    "stalled": ("stalled",),
    "incomplete": ("running", "incomplete", "stalled", "not started"),
}
"""By what is typed, the states of a fact that it agrees with."""
_FAILED = re.compile(
    r"(?i)(?<![\w.,/:-])(?P<number>\d{1,3}(?:,\d{3})+|\d+|no|zero)\s+(?:\w+\s)?"
    r"(?:failed|failures?|errors?)\b|\bfailed:\s*(?P<after>\d{1,3}(?:,\d{3})+|\d+)"
)
_MONTH = "|".join(f"{month}|{month[:3]}" for month in MONTHS)
_DAY = (
    r"(?P<iso>\d{4}-\d{2}-\d{2})"
    rf"|(?P<month>(?:{_MONTH}))\s+(?P<day>\d{{1,2}})(?:,?\s+(?P<year>\d{{4}}))?"
)
_LAST = re.compile(
    r"(?i)\b(?:through|until|up to|as late as|latest(?: date)?(?: is|:)?|last date(?: is|:)?)"
    rf"\s+(?:{_DAY})"
)
_FIRST = re.compile(rf"(?i)\b(?:starting(?: from| on| at)?|first date(?: is|:)?)\s+(?:{_DAY})")
_DAY_ALONE = re.compile(_DAY)
_ETA = re.compile(
    r"(?i)\b(?:ETA|ends?|finish(?:es|ing)?|done by|ready by)\b(?P<when>[^\n]{0,40})"
)
_CLOCK = re.compile(r"\b(?P<clock>\d{1,2}:\d{2})\s*(?:UTC|Z)\b")


def typed_claims(context: CheckContext) -> Iterator[Problem]:
    """What a text says of a row that a recorded fact contradicts.

    Fails: `Phase 3 complete, 694 of 694 days`, with a recorded fact of 0 of 694.
    """
    return _claims(context, shown=None)


def prompt_claims(context: CheckContext) -> Iterator[Problem]:
    """As `typed_claims`, in the texts that the prompts show."""
    return _claims(context, shown="\n".join(context.prompts.values()))


def _claims(context: CheckContext, *, shown: str | None) -> Iterator[Problem]:
    known = by_name(subjects(context))
    for text, path in _claiming(context) if known else ():
        if shown is None or _is_shown(text, shown):
            yield from _contradictions(clauses(text, known, of_label(path, known)))


Find = Callable[[CheckContext], Iterator[Problem]]
_DOCS = {
    "C001": "a typed `n of m` that a fact contradicts",
    "C002": "a typed percentage that a fact contradicts",
    "C003": "a typed state, such as complete, or a checked item, that a fact contradicts",
    "C004": "a typed number of failures that a fact contradicts",
    "C005": "a typed first or last date that a fact contradicts",
    "C006": "a typed ETA that a fact contradicts, or for what is complete",
}


def _rules(find: Find) -> tuple[Rule[CheckContext], ...]:
    return tuple(
        rule_among(code, "warning", doc, lambda context: context.once(find))
        for code, doc in _DOCS.items()
    )


RULES, PROMPT_RULES = _rules(typed_claims), _rules(prompt_claims)


_WISHES = ("next", "actions", "checkpoint", "do_not", "tried", "blocked_by")
_WISHES_OF_PROMPT = ("goal", "approach", "ask", "topic", "read")


def _claiming(context: CheckContext) -> Iterator[tuple[Text, KeyPath]]:
    """The texts that assert something: no plans, no conditions, no unchecked items."""
    session = context.session
    yield Text(session.title, Place(session.path)), ()
    conditions = {id(each.text) for each in every(session, Condition)}
    for item in every(session, ChecklistItem):
        if item.done:
            yield item.label, ()
    for leaf in leaves(session):
        path = leaf.path
        is_wish = path[:1] and path[0] in _WISHES
        is_wish = is_wish or (
            path[:1] == ("prompt",) and path[1:2] and path[1] in _WISHES_OF_PROMPT
        )
        is_wish = is_wish or (
            path[:1] == ("prompts",) and path[2:3] and path[2] in _WISHES_OF_PROMPT
        )
        is_claim = isinstance(leaf.node, Text) and leaf.role == "content"
        if (
            isinstance(leaf.node, Text)
            and is_claim
            and not is_wish
            and id(leaf.node) not in conditions
        ):
            yield leaf.node, path


def _is_shown(text: Text, shown: str) -> bool:
    lines = (line.strip() for line in re.sub(r"\{\{.*?\}\}", "\n", text.value).splitlines())
    return any(len(line) > 3 and line in shown for line in lines)


def _contradictions(found: Iterable[Clause]) -> Iterator[Problem]:
    """The first problem of each subject in a text, if every row it may mean contradicts it."""
    reported: set[str] = set()
    for clause in found:
        name = clause.subjects[0].name
        problems = [_first(clause, subject) for subject in clause.subjects]
        if problems[0] is not None and all(problems) and name not in reported:
            reported.add(name)
            yield problems[0]


def _first(clause: Clause, subject: Subject) -> Problem | None:
    checks = (_count, _percent, _state, _failures, _dates, _eta)
    return next((problem for each in checks if (problem := each(clause, subject))), None)


def _problem(code: str, claim: str, clause: Clause, subject: Subject, fact: str) -> Problem:
    at = f" as of {timestamp_text(subject.at)}" if subject.at else ""
    message = f"'{claim.strip()}' contradicts {subject.name}: {fact}{at}"
    return Problem(code, message, clause.place, "warning")


def _count(clause: Clause, subject: Subject) -> Problem | None:
    """`694 of 694 days`, where the fact has 0 of 694."""
    for match in _COUNT.finditer(clause.words):
        part, total = _number(match["part"]), _number(match["total"])
        progress = subject.progress
        is_same = total in subject.totals or _is_unit(match["unit"], subject)
        if progress is None or not is_same or _is_hedged(clause, match.start()):
            continue
        fits = total in subject.totals and part in (subject.parts | {progress[0]})
        if not fits:
            return _problem("C001", match[0], clause, subject, subject.shown)
    return None


def _percent(clause: Clause, subject: Subject) -> Problem | None:
    """`Phase 1 at 60%`, where the fact has 33.4%."""
    known = [
        n
        for name in subject.row
        if SHARES.search(name) and (n := subject.number(name)) is not None
    ]
    if subject.progress and subject.progress[1]:
        known.append(subject.progress[0] * 100 / subject.progress[1])
    for match in _PERCENT.finditer(clause.words) if known else ():
        before = clause.words[: match.start()]
        if _is_hedged(clause, match.start()) or not _is_of_subject(
            before, match["after"], clause
        ):
            continue
        typed = Decimal(match["number"])
        if not any(_is_same_number(typed, number) for number in known):
            said = f"{match['number']}%"
            return _problem("C002", said, clause, subject, _shares(subject) or subject.shown)
    return None


def _state(clause: Clause, subject: Subject) -> Problem | None:
    """`Phase 3 is complete`, where the fact says that it is not, and the other way round."""
    state = subject.state
    claimed = _claimed_state(clause)
    if state is None or claimed is None or state in _AGREES[claimed[0]]:
        return None
    return _problem("C003", claimed[1], clause, subject, subject.shown)


def _claimed_state(clause: Clause) -> tuple[str, str] | None:
    """The state a clause asserts of its subject, and the words for it."""
    words = clause.words
    name = re.escape(clause.name)
    subject = rf"(?:{name})" if clause.name else r"^"
    for state, pattern in _STATES.items():
        match = re.search(rf"(?i){subject}{_FILLER}{pattern}{_ENDS}", words)
        before = (
            re.sub(r"(?i)\b(?:not|has|have)\b|n't", "", words[: match.end()]) if match else ""
        )
        if match and not _HEDGE.search(before) and not _is_of_another(clause):
            return state, match[0] or words
    patterns = [rf"(?i){subject}{_FILLER}{_DONE}{_ENDS}"]
    if clause.name:
        verbs = "(?:Completed|Finished|Rebuilt|Loaded|Backfilled)"
        patterns += [
            rf"^\W*{verbs}\s+(?:the\s+|all of\s+)?{name}\s*(?:$|\W*$)",
            rf"(?i)^[^\w]*✅\s*{name}\W*$",
            rf"(?i)^[^\w]*{name}\s*:?\s*✅\W*$",
        ]
    for pattern in patterns:
        match = re.search(pattern, words)
        past = (
            re.sub(r"(?i)\b(?:was|were|been|had)\b", "", words[: match.end()]) if match else ""
        )
        if match and not _HEDGE.search(past) and not _is_of_another(clause):
            return "complete", match[0]
    return None


_PREPOSITION = re.compile(r"(?i)\b(?:for|of|in|on|from|to|by|about|around)\s+(?:the\s+)?$")
_WHOLE = re.compile(r"(?i)^\W*(?:all|the whole|the rest|everything)\s+(?:of|in)\s+(?:the\s+)?$")


def _is_of_another(clause: Clause) -> bool:
    """Whether it is about a part of its subject: `queries for Phase 4 are complete`."""
    if not clause.name:
        return False
    before = clause.words[: clause.words.find(clause.name)]
    return bool(_PREPOSITION.search(before)) and not _WHOLE.match(before)


def _failures(clause: Clause, subject: Subject) -> Problem | None:
    """`0 failed`, where the fact has 5."""
    number = subject.number("failed")
    match = _FAILED.search(clause.words) if number is not None else None
    if number is None or match is None or _is_hedged(clause, match.start()):
        return None
    typed = match["number"] or match["after"]
    value = Decimal(0) if typed.casefold() in ("no", "zero") else _number(typed)
    if value == number:
        return None
    return _problem("C004", match[0], clause, subject, f"failed {plain_number(number)}")


def _dates(clause: Clause, subject: Subject) -> Problem | None:
    """`loaded through 2026-01-02`, where the last date of the fact is another one."""
    for column, pattern in (("last_date", _LAST), ("first_date", _FIRST)):
        value = subject.row[column].value if column in subject.row else None
        match = pattern.search(clause.words)
        if not isinstance(value, date) or match is None:
            continue
        typed = _typed_day(match, value.year)
        hedge = _HEDGE.sub(lambda m: "" if m[0].casefold() in ("until", "up to") else m[0], "")
        before = re.sub(r"(?i)\b(?:until|up to|from)\b", "", clause.words[: match.end()])
        if typed is not None and typed != value and not _HEDGE.search(before + hedge):
            return _problem("C005", match[0], clause, subject, f"{column} {value}")
    return None


def _eta(clause: Clause, subject: Subject) -> Problem | None:
    """An ETA for what is complete, or at another time than the fact's."""
    match = _ETA.search(clause.words)
    eta = subject.row["eta"].value if "eta" in subject.row else None
    if match is None or not isinstance(eta, str):
        return None
    typed, time = _DAY_ALONE.search(match["when"]), _CLOCK.search(match["when"])
    if subject.state == "complete" and (typed or time):
        return _problem("C006", match[0], clause, subject, subject.shown)
    ends = re.match(r"(\d{4}-\d{2}-\d{2}) (\d{2}:\d{2}) UTC", eta)
    if ends is None:
        return None
    day = _typed_day(typed, int(ends[1][:4])) if typed else None
    is_other_day = day is not None and day.isoformat() != ends[1]
    is_other_time = day is None and time and _minutes_apart(time["clock"], ends[2]) > 30
    if is_other_day or is_other_time:
        return _problem("C006", match[0], clause, subject, f"ETA {ends[0]}")
    return None


# --- numbers -----------------------------------------------------------------------------


def _number(text: str) -> Decimal:
    return Decimal(text.replace(",", ""))


def _is_same_number(typed: Decimal, number: Decimal) -> bool:
    """Whether a number rounds, or is cut, to what is typed."""
    exponent = typed.as_tuple().exponent
    assert isinstance(exponent, int)  # a typed number is finite
    places = Decimal(1).scaleb(exponent)
    found = {number.quantize(places, rounding) for rounding in (ROUND_HALF_UP, ROUND_DOWN)}
    return typed in found


def _shares(subject: Subject) -> str:
    found = ((name, subject.number(name)) for name in subject.row if SHARES.search(name))
    return ", ".join(f"{name} {plain_number(n)}" for name, n in found if n is not None)


def _is_unit(unit: str | None, subject: Subject) -> bool:
    if not unit or not subject.unit:
        return False
    return unit.casefold() == subject.unit or unit.casefold().split()[0] == subject.unit


_FOLLOWS_PERCENT = re.compile(
    r"(?i)^\s*(?:$|[)\]:—–-]|✅|(?:complete|done|finished|coverage|covered"
    r"|of (?:the )?(?:dates|days|scheduled|expected|total))\b)"
)
_LEADS_PERCENT = re.compile(r"(?i)(?:\bat|\bis|\bcoverage|\bprogress|[:=—–-])\s*$")


def _is_of_subject(before: str, after: str, clause: Clause) -> bool:
    """Whether a percentage says how far the subject is, and not how much memory it takes."""
    tail = before.rstrip()
    follows = clause.name and tail.casefold().endswith(clause.name.casefold())
    leads = bool(_LEADS_PERCENT.search(before)) or bool(follows) or not tail
    return bool(_FOLLOWS_PERCENT.match(after)) and (leads or bool(after.strip()))


_HEDGE_AFTER = re.compile(
    r"(?i)\b(?:yesterday|earlier|ago|at (?:the start|noon|\d{1,2}:\d{2})|remain\w*|left|missing"
    r"|to go|expected|target|planned)\b"
)


def _is_hedged(clause: Clause, offset: int) -> bool:
    """Whether the words around a number say that it is a wish, a plan or the past."""
    before, after = clause.words[:offset], clause.words[offset:]
    return bool(_HEDGE.search(before) or _HEDGE_AFTER.search(after))


def _typed_day(match: re.Match[str], year: int) -> date | None:
    try:
        if match["iso"]:
            return date.fromisoformat(match["iso"])
        if match["month"]:
            month = next(
                n
                for n, name in enumerate(MONTHS, 1)
                if name[:3].casefold() == match["month"][:3].casefold()
            )
            return date(int(match["year"] or year), month, int(match["day"]))
    except ValueError:
        return None
    return None


def _minutes_apart(typed: str, known: str) -> int:
    first, second = (
        int(h) * 60 + int(m) for h, m in (each.split(":") for each in (typed, known))
    )
    apart = abs(first - second)
    return min(apart, 24 * 60 - apart)
