"""Typed claims compared with the recorded facts: numbers, states, dates and counts.

A claim is compared only if its subject is a row of a fact: the row's key or title, or a label
under which the author cites that row. Everything else is somebody's prose and is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

from handoff.base.problems import KeyPath, Place, Problem
from handoff.check.clauses import HEDGE, HEDGE_AFTER, PAST_AFTER, Clause, clauses, is_neutral
from handoff.check.rule import CheckContext, Rule, rule_among
from handoff.check.subjects import NEUTRAL, Subject, by_name, plain_number, subjects
from handoff.session.model import ChecklistItem, Condition, Section, Text
from handoff.session.walk import every, leaves
from handoff.values.printing import MONTHS, timestamp_text

_APPROXIMATELY = re.compile(
    r"(?i)(?:~|≈|\b(?:about|around|roughly|approximately|some|circa|ca\.?))\s*$"
)
_TOLERANCE = Decimal(5)
"""Percentage points that an approximation may be off."""
_COUNT = re.compile(
    r"(?<![\w.,/:-])(?P<part>\d{1,3}(?:,\d{3})+|\d+)\s*(?:/|of|out of)\s*(?:the\s+|all\s+)?"
    r"(?P<total>\d{1,3}(?:,\d{3})+|\d+)(?![\w/:-]|[.,]\d)(?:\s+(?P<unit>[A-Za-z]+(?:\s[A-Za-z]+)?))?"
)
_FRACTIONS: Mapping[str, Decimal] = {
    "three quarters": Decimal(75),
    "two thirds": Decimal(200) / 3,
    "half": Decimal(50),
    "halfway": Decimal(50),
    "a third": Decimal(100) / 3,
    "one third": Decimal(100) / 3,
    "a quarter": Decimal(25),
    "one quarter": Decimal(25),
}
_PERCENT = re.compile(
    r"(?i)(?<![\w.,/:-])(?P<number>\d{1,3}(?:\.\d+)?)\s?(?:%|percent\b)"
    rf"|\b(?P<fraction>{'|'.join(_FRACTIONS)})\b(?=\s*(?:done|complete|finished|processed|loaded|through|of|way)|$)"
)
_LINK = rf"(?:[^\w\0]|(?<!\w)(?:{'|'.join(sorted(NEUTRAL))}|all [\d,]+)(?!\w))*?"
_DONE = (
    r"(?:complete|completed|done|finished|rebuilt|backfilled|loaded|populated|processed|recomputed"
    r"|migrated|ended)"
)
_FOLLOWS = (
    "as|on|at|since|today|yesterday|in|for|by|already|now|again|successfully|fully|overnight|without"
    "|with|after|this|last|so|smoothly|fine|well|normally|according|per|up"
)
"""What may follow a claim, and adds nothing to it."""
_ENDS = (
    r"(?=\s*(?:$|[^\w\s%:\[❌/\0]|:\s*(?:$|✅(?!/)|all\b|yes\b)"
    rf"|\b(?!(?:in|for|on|with)\b)(?:{_FOLLOWS})\b"
    r"|\bin (?:about )?[\d.]+ ?(?:h|min|hours?|days?|minutes)\b"
    r"|\bon (?:\d{4}-|\w+ \d|\w+day)))"
)
_STATE = re.compile(
    rf"(?i){_LINK}(?<!to )(?:(?P<not_started>(?:not|has not|hasn't) (?:yet )?(?:started|begun)"
    r"|not yet started)|(?P<running>(?:still )?(?:running|ongoing))"
    r"|(?P<in_progress>(?:still )?(?:in progress|under way|underway))"
    r"|(?P<stalled>stalled|stuck)"
    r"|(?P<incomplete>incomplete|not (?:yet )?(?:complete|done|finished)|unfinished"
    rf"|partial(?:ly done)?)|(?P<complete>{_DONE}(?:\s+{_DONE})?)){_ENDS}"
)
"""How a state is said after the name of its subject; the group is the state."""
_DONE_BEFORE = re.compile(
    r"(?i)\W*(?:(?:(?:we|i|have|has|just|finally|today)\s+)*"
    r"(?:completed|finished|rebuilt|loaded|backfilled)\s+(?:the\s+|all of\s+)?"
    r"|(?:done|complete|completed|finished)\s*:\s*)$"
)
_CHECKED = re.compile(r"[^\w\0/(]*✅[^\w\0/(]*")
_IS_ENDED = re.compile(_ENDS)
_AGREES: Mapping[str, tuple[str, ...]] = {
    "complete": ("complete",),
    "not started": ("not started", "nothing done"),
    "running": ("running", "incomplete", "nothing done"),
    "in progress": ("running", "incomplete", "nothing done", "stalled"),
    "stalled": ("stalled",),
    "incomplete": ("running", "incomplete", "nothing done", "stalled", "not started"),
}
"""By what is typed, the states of a fact that it agrees with."""
_FAILED = re.compile(
    r"(?i)(?<![\w.,/:-])(?P<number>\d{1,3}(?:,\d{3})+|\d+|no|zero)\s+(?:(?:of|/)\s*[\d,]+\s+)?(?:\w+\s)?"
    r"(?:failed|failures?)\b|\bfailed:\s*(?P<after>\d{1,3}(?:,\d{3})+|\d+)"
)
_MONTH = "|".join(f"{month}|{month[:3]}" for month in MONTHS)
_DAY = (
    r"(?P<iso>\d{4}-\d{2}-\d{2})"
    rf"|(?P<month>(?:{_MONTH}))\s+(?P<day>\d{{1,2}})(?:,?\s+(?P<year>\d{{4}}))?"
    rf"|(?P<dday>\d{{1,2}})\.?\s+(?P<dmonth>(?:{_MONTH}))\b"
)
_LAST = re.compile(
    r"(?i)\b(?:through|until|up to|as late as|latest(?: date)?(?: is|:)?|last date(?: is|:)?)"
    rf"\s+(?:{_DAY})"
)
_FIRST = re.compile(rf"(?i)\b(?:starting(?: from| on| at)?|first date(?: is|:)?)\s+(?:{_DAY})")
_DAY_ALONE = re.compile(_DAY)
_ETA_WORD = re.compile(r"(?i)\b(?:ETA|ends?|finish(?:es|ing)?|done by|ready by)\b")
_ETA = re.compile(rf"{_ETA_WORD.pattern}(?P<when>[^\n]{{0,40}})")
ZONES = {
    **{"UTC": 0, "GMT": 0, "Z": 0, "BST": 1, "CET": 1, "CEST": 2},
    **{"EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7},
}
"""Hours from UTC of the abbreviations that texts use."""
_CLOCK = re.compile(
    rf"\b(?P<hour>\d{{1,2}}):(?P<minute>\d{{2}})\s*(?P<zone>{'|'.join(ZONES)})?\b"
)
_ETA_MINUTES = 30
"""How far a typed ETA may be from the fact's."""


def typed_claims(context: CheckContext) -> Iterator[Problem]:
    """What a text says of a row that a recorded fact contradicts.

    Fails: `Phase 3 complete, 694 of 694 days`, with a recorded fact of 0 of 694.
    """
    return _claims(context, shown=None)


def prompt_claims(context: CheckContext) -> Iterator[Problem]:
    """As `typed_claims`, in the texts that the prompts show."""
    return _claims(context, shown="\n".join(context.prompts.values()))


def _claims(context: CheckContext, *, shown: str | None) -> Iterator[Problem]:
    known = by_name(context.once(subjects))
    chapters = _chapters(context.session.sections)
    for text, path in _claiming(context) if known else ():
        if shown is None or _is_shown(text, shown):
            chapter = chapters.get(path[1], "") if path[:1] == ("sections",) else ""
            yield from _contradictions(clauses(text, path, known, chapter))


def _chapters(sections: Iterable[Section]) -> dict[str | int, str]:
    """By index, the titles of a free section and of those it is in, by their levels."""
    found: dict[str | int, str] = {}
    above: list[tuple[int, str]] = []
    for index, section in enumerate(sections):
        above = [each for each in above if each[0] < section.level]
        above.append((section.level, section.title or ""))
        found[index] = " ".join(title for _, title in above)
    return found


FindProblems = Callable[[CheckContext], Iterator[Problem]]
_DOCS = {
    "C001": "a typed `n of m` that a fact contradicts",
    "C002": "a typed percentage that a fact contradicts",
    "C003": "a typed state, such as complete, or a checked item, that a fact contradicts",
    "C004": "a typed number of failures that a fact contradicts",
    "C005": "a typed first or last date that a fact contradicts",
    "C006": "a typed ETA that a fact contradicts, or for what is complete",
}


def _rules(find: FindProblems) -> tuple[Rule[CheckContext], ...]:
    return tuple(
        rule_among(code, "warning", doc, lambda context: context.once(find))
        for code, doc in _DOCS.items()
    )


RULES, PROMPT_RULES = _rules(typed_claims), _rules(prompt_claims)


_WISHES = ("next", "actions", "checkpoint", "blocked_by")
_WISHES_OF_PROMPT = ("goal", "approach", "ask", "topic", "read")


def _claiming(context: CheckContext) -> Iterator[tuple[Text, KeyPath]]:
    """The texts that assert something: no plans, no conditions, no unchecked items."""
    session = context.session
    yield Text(session.title, session.title_place or Place(session.path)), ()
    conditions = {id(each.text) for each in every(session, Condition)}
    for item in every(session, ChecklistItem):
        if item.done:
            yield item.label, ()
        if isinstance(item.note, Text):
            yield item.note, ()
    for leaf in leaves(session):
        is_claim = isinstance(leaf.node, Text) and leaf.role in ("content", "status")
        if is_claim and not _is_wish(leaf.path) and id(leaf.node) not in conditions:
            yield leaf.node, leaf.path  # type: ignore[misc]


def _is_wish(path: KeyPath) -> bool:
    match path:
        case ("prompt", part, *_) | ("prompts", _, part, *_):
            return part in _WISHES_OF_PROMPT
        case ("do_not" | "tried", _, part, *_):
            return part != "why"
        case (part, *_):
            return part in _WISHES
    return False


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
    at += "; the query has failed since" if subject.is_old else ""
    message = f"'{claim.strip()}' contradicts {subject.name}: {fact}{at}"
    return Problem(code, message, clause.place, "warning")


def _count(clause: Clause, subject: Subject) -> Problem | None:
    """`694 of 694 days`, where the fact has 0 of 694."""
    matches = [] if clause.is_shared else list(_COUNT.finditer(clause.words))
    progress = subject.progress if matches else None
    if progress is None or _is_other_measure(clause, subject):
        return None
    for match in matches:
        part, total = _number(match["part"]), _number(match["total"])
        start, end = match.start(), match.end("total")
        is_same = total in subject.totals
        if not is_same and clause.is_linked(start, end):
            is_same = _is_unit(match["unit"], subject) or part == progress[0] >= 10
        if not is_same or clause.is_hedged(start, end):
            continue
        is_near = _APPROXIMATELY.search(clause.words[:start]) and (
            abs(part - progress[0]) * 100 <= total * _TOLERANCE
        )
        if part == total - progress[0] != total:
            continue  # what is left, in whatever words
        is_part = part == progress[0] or (part != total and part in subject.parts)
        if not (total in subject.totals and (is_part or is_near)):
            return _problem("C001", match[0], clause, subject, subject.shown)
    return None


def _percent(clause: Clause, subject: Subject) -> Problem | None:
    """`Phase 1 at 60%`, where the fact has 33.4%."""
    matches = [] if clause.is_shared else list(_PERCENT.finditer(clause.words))
    if not matches or _is_other_measure(clause, subject):
        return None
    is_success = bool(re.search(r"(?i)\bsucce", clause.words))
    rate = subject.number("success_rate")
    known = subject.shares if not is_success else () if rate is None else (rate,)
    for match in matches if known else ():
        start, end = match.span()
        if clause.is_hedged(start, end) or not clause.is_linked(start, end):
            continue
        is_change = re.search(r"(?:\bby|[+±])\s*$", clause.words[:start])
        if is_change or not _ends_claim(clause.words[end:]):
            continue
        fraction = match["fraction"]
        typed = _FRACTIONS[fraction.casefold()] if fraction else Decimal(match["number"])
        is_near = fraction or _APPROXIMATELY.search(clause.words[:start])
        if is_near and any(abs(typed - number) <= _TOLERANCE for number in known):
            continue
        if is_near or not any(_is_same_number(typed, number) for number in known):
            shown = ", ".join(f"{plain_number(_cut(number))}%" for number in known)
            fact = f"{subject.shown} ({shown})" if subject.progress else shown
            return _problem("C002", match[0], clause, subject, fact)
    return None


def _is_other_measure(clause: Clause, subject: Subject) -> bool:
    """Whether a clause speaks of a rate, or of the coverage of a phase, which has none."""
    words = f"{clause.context} {clause.words}"
    is_rate = re.search(r"(?i)(?<!success )\brate", words)
    return bool(is_rate or ("state" in subject.row and re.search(r"(?i)\bcover", words)))


def _ends_claim(after: str) -> bool:
    """Whether nothing but neutral words follows, and not `of the memory` or `faster`."""
    words = re.split(r"[^\w\s%]", after.strip(), maxsplit=1)[0]
    words = re.split(rf"(?i)\b(?:{_FOLLOWS})\b", words, maxsplit=1)[0]
    return is_neutral(re.sub(r"(?i)\bsucce\w+(?:\s+rate)?", "", words))


def _state(clause: Clause, subject: Subject) -> Problem | None:
    """`Phase 3 is complete`, where the fact says that it is not, and the other way round."""
    claimed = _claimed_state(clause)
    state = subject.state if claimed else None
    if state is None or claimed is None or state in _AGREES[claimed[0]]:
        return None
    return _problem("C003", claimed[1], clause, subject, subject.shown)


def _claimed_state(clause: Clause) -> tuple[str, str] | None:
    """The state a clause asserts of its subject, and the words for it."""
    lead, rest = clause.words[: clause.start], clause.words[clause.end :]
    is_checked = clause.name and _CHECKED.fullmatch(lead + rest)
    if is_checked or (_DONE_BEFORE.match(lead) and _IS_ENDED.match(rest)):
        state, end = "complete", len(clause.words) if is_checked else clause.end
    else:
        match = _STATE.match(rest)
        if match is None or match.lastgroup is None:
            return None
        state, end = match.lastgroup.replace("_", " "), clause.end + match.end()
    # `was completed` is a state; `not started` is one, too
    verb = r"was|were|been|had" if state == "complete" else r"was|were|been|had|not|has|have"
    asserted = re.sub(rf"(?i)\b(?:{verb})\b|hasn't", "", clause.words[:end])
    after = clause.words[end:]
    is_past = state != "complete" and PAST_AFTER.search(after)
    is_hedged = HEDGE.search(f"{clause.context} {asserted}") or HEDGE_AFTER.search(after)
    if is_past or is_hedged or not clause.has_neutral_lead():
        return None
    return state, clause.words[clause.start : end] if end > clause.end else clause.words


def _failures(clause: Clause, subject: Subject) -> Problem | None:
    """`0 failed`, where the fact has 5."""
    match = _FAILED.search(clause.words)
    number = subject.number("failed") if match else None
    if number is None or match is None or clause.is_hedged(*match.span()):
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
        before = re.sub(r"(?i)\b(?:until|up to|from)\b", "", clause.words[: match.end()])
        if (
            typed is not None
            and typed != value
            and not HEDGE.search(f"{clause.context} {before}")
        ):
            return _problem("C005", match[0], clause, subject, f"{column} {value}")
    return None


def _eta(clause: Clause, subject: Subject) -> Problem | None:
    """An ETA for what is complete, or at another time than the fact's."""
    match = _ETA.search(clause.words)
    eta = subject.row["eta"].value if "eta" in subject.row else None
    if match is None or not isinstance(eta, str) or clause.is_shared:
        return None
    lead = re.sub(r"(?i)~|\bwill\b", "", clause.words[: match.end()])
    if HEDGE.search(f"{clause.context} {lead}") or not clause.is_linked(*match.span()):
        return None
    day, clock = _DAY_ALONE.search(match["when"]), _CLOCK.search(match["when"])
    times = [each.start() for each in (day, clock) if each]
    between = clause.words[clause.end : match.start("when") + min(times, default=0)]
    if not times or not is_neutral(re.sub("tomorrow", "", _ETA_WORD.sub("", between))):
        return None
    if subject.state == "complete":
        return _problem("C006", match[0], clause, subject, subject.shown)
    known = re.match(r"(\d{4}-\d{2}-\d{2} \d{2}:\d{2}) UTC", eta)
    if known and _is_other_time(day, clock, datetime.fromisoformat(known[1]), eta):
        return _problem("C006", match[0], clause, subject, f"ETA {known[0]}")
    return None


def _is_other_time(
    day: re.Match[str] | None, clock: re.Match[str] | None, known: datetime, eta: str
) -> bool:
    typed = _typed_day(day, known.year) if day else None
    if clock is None or not clock["zone"]:
        days = abs((typed - known.date()).days) if typed else 0
        return days > 1 or (days == 1 and clock is None and str(typed) not in eta)
    minutes = int(clock["hour"]) * 60 + int(clock["minute"]) - ZONES[clock["zone"]] * 60
    apart = minutes - (known.hour * 60 + known.minute)
    if typed is not None:
        return abs(apart + (typed - known.date()).days * 24 * 60) > _ETA_MINUTES
    return min(apart % (24 * 60), -apart % (24 * 60)) > _ETA_MINUTES


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


def _cut(number: Decimal) -> Decimal:
    return number.quantize(Decimal("0.1"), ROUND_DOWN)


def _is_unit(unit: str | None, subject: Subject) -> bool:
    if not unit or not subject.unit:
        return False
    return unit.casefold() == subject.unit or unit.casefold().split()[0] == subject.unit


def _typed_day(match: re.Match[str], year: int) -> date | None:
    try:
        if match["iso"]:
            return date.fromisoformat(match["iso"])
        if month := match["month"] or match["dmonth"]:
            names = [name[:3].casefold() for name in MONTHS]
            number = names.index(month[:3].casefold()) + 1
            return date(int(match["year"] or year), number, int(match["day"] or match["dday"]))
    except ValueError:
        return None
    return None
