"""Blanks, claims of completion, owners, severity and evidence: the words of one session."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence

from handoff.base.characters import hidden_characters
from handoff.base.markdown import Task, read_label, tasks
from handoff.base.problems import Place
from handoff.base.tree import is_outside
from handoff.check.rule import (
    AuthorContext,
    CheckContext,
    DocumentContext,
    Finding,
    find_in,
    rule,
    shorten,
)
from handoff.render.document import count_checked, deadline_text, overdue_deadlines
from handoff.session.model import CodeBlock, Decision, MarkdownBlock, Session, Severity, Text
from handoff.session.walk import OpenBlank, every, every_entry, leaves, texts
from handoff.values.evidence import Reference, named_evidence

# --- blanks ------------------------------------------------------------------------------


@rule("B001", "warning", "the document has blanks")
def document_blanks(context: AuthorContext) -> Iterator[Finding]:
    """A handoff that was never completed; of six templates four were not.

    One line for all of them, at the first: `handoff todo` lists each.

    Fails: a key without a value, or `[TO BE FILLED]`.
    """
    outside = [each for each in context.blanks if not each.in_prompt]
    yield from _blanks(context, outside, "")


@rule("B002", "warning", "the prompt has blanks")
def prompt_blanks(context: AuthorContext) -> Iterator[Finding]:
    """A blank in the prompt is pasted into the next session as if it were information.

    Fails:

        prompt:
          status: {ETA: "[ETA]"}
    """
    inside = [each for each in context.blanks if each.in_prompt]
    yield from _blanks(context, inside, " in the prompt")


def _blanks(
    context: AuthorContext, blanks: Sequence[OpenBlank], where: str
) -> Iterator[Finding]:
    if not blanks:
        return
    if isinstance(context, DocumentContext) and where:
        for each in blanks:
            yield each.place, f"blank '{each.text}'{where}"
        return
    count = "1 blank" if len(blanks) == 1 else f"{len(blanks)} blanks"
    first = min(each.place for each in blanks)
    if isinstance(context, CheckContext):
        yield first, f"{count}{where}; see 'handoff todo {context.session.id}'"
        return
    lines = [*dict.fromkeys(str(each.place.line) for each in blanks)]
    more = f" and {len(lines) - _MOST_LINES} more" if len(lines) > _MOST_LINES else ""
    in_lines = "line" if len(lines) == 1 else "lines"
    yield first, f"{count}, in {in_lines} {', '.join(lines[:_MOST_LINES])}{more}"


_MOST_LINES = 10


# --- characters --------------------------------------------------------------------------


@rule("D011", "warning", "an invisible character in an author's text")
def invisible_text(context: CheckContext) -> Iterator[Finding]:
    """Text that nobody sees is copied along, and a model reads it.

    Emoji sequences and joiners inside words of scripts that need them are left alone.

    Fails: a zero-width space, a soft hyphen, a run of variation selectors.
    """
    session = context.session
    words = [(session.title, Place(session.path))]
    words += [(entry.label, entry.place) for entry in every_entry(session)]
    for leaf in leaves(session):
        node = leaf.node.code if isinstance(leaf.node, CodeBlock) else leaf.node
        text = node.text if isinstance(node, MarkdownBlock) else leaf.text
        words.append((node.value if isinstance(node, Text) else text or "", leaf.place))
    for text, place in words:
        for _, character in hidden_characters(text):
            yield place, f"invisible character U+{ord(character):04X}"
            break


# --- claims of completion ----------------------------------------------------------------


@rule("W001", "error", "`status:` contradicts the checklist items")
def status_contradicted(context: AuthorContext) -> Iterator[Finding]:
    """`status:` replaces the derived status, so it must agree with the items.

    Items of nested checklists, and `- [ ]` in Markdown, are counted too. Of a handwritten
    document those below a heading of what comes next are not, nor if it is complete in part.

    Of 720 documents marked complete, 219 had unchecked items.

    Fails:

        status: COMPLETE
        checklist:
          Backfill script created: true
          Queries prepared: false
    """
    if isinstance(context, DocumentContext):
        yield from _status_of_document(context)
        return
    status, (done, total) = context.session.status, count_checked(context.session)
    if not status or not total:
        return
    unchecked, instead = total - done, "leave it out to have it derived"
    if unchecked and claims_done(status.value, anywhere=True):
        yield status.place, f"status '{status.value}' with {_items(unchecked)}; {instead}"
    if not unchecked and _UNDONE.search(status.value):
        yield (
            status.place,
            f"status '{status.value}' although all items are checked; {instead}",
        )


def _status_of_document(context: DocumentContext) -> Iterator[Finding]:
    unchecked = _unchecked_in(context)
    for status in _statuses(context) if unchecked else ():
        if claims_done(status.value, anywhere=True) and not _IN_PART.search(status.value):
            lines = ", ".join(str(each.line) for each in unchecked[:_MOST_LINES])
            message = f"status '{status.value}' with {_items(len(unchecked))}"
            in_lines = "line" if len(unchecked) == 1 else "lines"
            yield status.place, f"{message}, in {in_lines} {lines}"


def _unchecked_in(context: DocumentContext) -> list[Task]:
    """The unchecked items of the document's own work."""
    found = [each for each in tasks(context.page) if not each.done]
    return [each for each in found if not _COMES_NEXT.search(context.heading_of(each.line))]


def _statuses(context: DocumentContext) -> Iterator[Text]:
    """The status above the first chapter, or in one about the session."""
    chapters = (each.line for each in context.headings if each.level == 2)
    end = next(chapters, _FIRST_LINES)
    for text in context.texts:
        line = text.place.line
        is_header = line < end or _ABOUT.search(context.heading_of(line))
        label = read_label(text.value) if is_header else None
        if label and _STATUS.fullmatch(label.text) and label.value:
            yield Text(label.value.replace("*", "").strip(), find_in(text, label.value))


_FIRST_LINES = 30
_ABOUT = re.compile(r"(?i)^\W*(?:meta\w*|session (?:info\w*|details)|header|about)\W*$")
_STATUS = re.compile(r"(?i)(?:overall |session |current )?(?:status|state)(?: \S+)?")
_IN_PART = re.compile(
    r"(?i)\b(?:in progress|running|waiting|ongoing|blocked|but|except"
    r"|partial\w*|partly|mostly|remain\w*|pending|until|for \d+ of|not)\b"
    r"|(?<!\d)\d{1,2}\s?%|\d+\s?(?:of|/)\s?\d+"
)
_COMES_NEXT = re.compile(
    r"(?i)\b(?:next|upcoming|future|follow|later|backlog|parked|prerequisites?|before you|start"
    r"|prompt|tomorrow|optional|recommend\w*|session \d+|to session|handoff to|ideas|template"
    r"|pick(?:ing)? up|take over"
    r"|rollback|if\b)"
)


@rule("W002", "warning", "title, header, summary or footer claim completion too early")
def done_with_unchecked_items(context: CheckContext) -> Iterator[Finding]:
    """A title, header, summary or footer is read first, and believed over the checklist.

    Fails:

        title: PROJECT COMPLETE
        checklist:
          Queries prepared: false
    """
    unchecked = count_unchecked(context.session)
    for words, place in _first_words(context.session) if unchecked else ():
        if claims_done(words):
            yield place, f"'{shorten(words)}' with {_items(unchecked)}"


@rule("W003", "warning", "five stars with unchecked items")
def stars_with_unchecked_items(context: CheckContext) -> Iterator[Finding]:
    """Five stars for unfinished work carry no information, and hide what is missing.

    Fails:

        metrics:
          Thoroughness: ⭐⭐⭐⭐⭐
        checklist:
          Queries prepared: false
    """
    unchecked = count_unchecked(context.session)
    for text in texts(context.session) if unchecked else ():
        if "⭐⭐⭐⭐⭐" in text.value:
            yield text.place, f"'{shorten(text.value)}' with {_items(unchecked)}"


@rule("W004", "warning", "a prerequisite of the next session is checked in advance")
def prerequisite_checked(context: CheckContext) -> Iterator[Finding]:
    """A prerequisite of the next session cannot hold before that session starts.

    Fails:

        next:
          prerequisites:
            - Session 1 handoff read ✅
    """
    following = context.session.next
    for text in texts(following.prerequisites) if following else ():
        if "✅" in _without_choices(text.value):
            yield text.place, f"'{shorten(text.value)}' is checked in advance"


def count_unchecked(session: Session) -> int:
    """The number of unchecked items, wherever they are in the session."""
    done, total = count_checked(session)
    return total - done


def claims_done(words: str, *, anywhere: bool = False) -> bool:
    """Whether `words` say that the work is finished.

    ✅, a capital COMPLETE or a final "complete" do; "Complete session 1 first" does not,
    so only with `anywhere` does the word count at any position.
    """
    plain = _without_choices(words)
    pattern = _DONE_ANYWHERE if anywhere else _DONE
    starts = (match.start() for match in pattern.finditer(plain))
    return any(not _NOT_YET.search(plain[max(0, n - _BEFORE) : n]) for n in starts)


_LIVE_OR_CHOICE = re.compile(r"\{\{[^{}]*\}\}|✅\s*/\s*❌")
_WORDS = "complete|completed|done|finished"
_DONE = re.compile(rf"✅|\b(?:{_WORDS.upper()})\b|\b(?i:{_WORDS})\b(?=\W*$)")
_DONE_ANYWHERE = re.compile(rf"✅|\b(?i:{_WORDS})\b")
_UNDONE = re.compile(r"(?i)\b(?:to be completed|in progress|not started|incomplete)\b")
_NOT_YET = re.compile(
    r"(?i)\b(?:not|not yet|be|when|once|until|if|after|before|partly|partially|almost)\s*$"
    r"|(?<!100)(?<!100 )%\s*$"
    r"|\d\s*(?:/|of)\s*\d+(?:\s+\w+)?\s*$"
)
_BEFORE = 40
"""Characters that can negate a word; more would let a hostile text cost time."""


def _without_choices(words: str) -> str:
    """`words` without live values and `✅/❌`, which nobody has decided."""
    return _LIVE_OR_CHOICE.sub("", words)


def _first_words(session: Session) -> Iterator[tuple[str, Place]]:
    yield session.title, Place(session.path)
    for part in (session.header, session.summary, session.closing):
        for text in texts(part):
            yield text.value, text.place


def _items(count: int) -> str:
    return "1 unchecked item" if count == 1 else f"{count} unchecked items"


# --- owners, severity, deadlines and evidence --------------------------------------------


@rule("H001", "warning", "an action has no owner")
def owner_missing(context: CheckContext) -> Iterator[Finding]:
    """An action without an owner is not done by anybody.

    Fails:

        actions:
          - {do: Restart Phase 2, due: 2026-01-05}
    """
    actions = context.session.actions
    for action in actions if isinstance(actions, tuple) else ():
        if action.owner is None:
            what = action.do.value if isinstance(action.do, Text) else action.do.text
            yield action.place, f"action '{shorten(what)}' has no owner; add 'owner:'"


@rule("H002", "warning", "severity `watch` or `unstable` without a reason")
def severity_unexplained(context: CheckContext) -> Iterator[Finding]:
    """A receiver who is asked to watch must know what for.

    Fails:

        severity: unstable
    """
    severity = context.session.severity
    if not isinstance(severity, Severity) or severity.why is not None:
        return
    level = severity.level.value if isinstance(severity.level, Text) else ""
    if level in ("watch", "unstable"):
        message = f"severity '{level}' without a reason; write {{level: {level}, why: …}}"
        yield severity.place, message


@rule("S027", "error", "`supersedes:` names a document that does not exist")
def superseded_document_missing(context: CheckContext) -> Iterator[Finding]:
    """Whoever looks for what is still right in the old document does not find it.

    Fails: `supersedes: docs/old/HANDOF.md`.
    """
    document = context.session.superseded_document
    if document and document.is_path:
        path = posixpath.normpath(document.target)
        if is_outside(path):
            yield document.place, f"'{path}' is outside the repository"
        elif not context.tree.has(path):
            yield document.place, f"'{path}' does not exist{context.hint(path)}"


@rule("H008", "warning", "a decision between options without a reason")
def decision_unexplained(context: CheckContext) -> Iterator[Finding]:
    """Whoever does not know why an option was chosen decides again.

    Fails:

        decisions:
          - {text: Which engine, options: [DuckDB, SQLite], chosen: DuckDB}
    """
    for each in every(context.session, Decision):
        if isinstance(each.chosen, Text) and each.why is None:
            what = each.what.value if isinstance(each.what, Text) else each.what.text
            yield each.place, f"decision '{shorten(what)}' has no reason; add 'why:'"


@rule("H003", "warning", "evidence is prose, or a file or lines that do not exist")
def evidence_missing(context: CheckContext) -> Iterator[Finding]:
    """Evidence that nobody can look at verifies nothing.

    Fails:

        findings:
          - {text: The retry loop is safe, evidence: ml/trian.py:120}
    """
    for text, found in named_evidence(context.session):
        wrong = _wrong_file(context, found) if found.kind in ("lines", "document") else ""
        if found.kind == "prose":
            wrong = "is not a fact, commit, file or page; for a command write {cmd: …, saw: …}"
        if wrong and not context.evidence_change(found):
            yield text.place, f"evidence '{shorten(text.value)}' {wrong}"


@rule("H004", "warning", "evidence names a commit that git does not have")
def evidence_uncommitted(context: CheckContext) -> Iterator[Finding]:
    """A commit that was rebased away, or never pushed, does not exist for the receiver.

    Not judged without git, nor in a shallow clone, which lacks old commits.

    Fails:

        decisions:
          - {text: Four workers, evidence: 3f9c2d1}
    """
    for text, found in named_evidence(context.session):
        is_unknown = found.kind == "commit" and context.past.knows(found.name) is False
        if is_unknown and not context.evidence_change(found):
            yield text.place, f"evidence '{found.name}': no such commit in git"


@rule("H006", "warning", "evidence changed since it was recorded")
def evidence_changed(context: CheckContext) -> Iterator[Finding]:
    """The claim was verified with another file, other lines, or a commit that is gone.

    Rendering records a file or its lines by their hash, and the commit they were seen at.

    Fails: lines that were changed after the session was rendered.
    """
    for text, found in named_evidence(context.session):
        if change := context.evidence_change(found):
            fix = f"look again and run 'handoff render {context.session.id}'"
            yield text.place, f"evidence '{shorten(text.value)}' {change}; {fix}"


@rule("H007", "warning", "evidence exists but is not recorded yet")
def evidence_unrecorded(context: CheckContext) -> Iterator[Finding]:
    """What was not seen when the session was rendered verifies nothing in its document.

    Fails: a file named as evidence after the session was rendered.
    """
    for text, found in named_evidence(context.session):
        if context.evidence_change(found) is None:
            fix = f"run 'handoff render {context.session.id}'"
            message = (
                f"evidence '{shorten(text.value)}' is not recorded, so the claim is assumed"
            )
            yield text.place, f"{message}; {fix}"


@rule("H010", "warning", "an action or the checkpoint is overdue; only with `--live`")
def overdue(context: CheckContext) -> Iterator[Finding]:
    """An action or a checkpoint past its day was done and not recorded, or forgotten.

    Fails:

        actions:
          - {do: Restart the backfill, owner: Ann, due: 2026-01-04}
    """
    if context.now is not None:
        for each in overdue_deadlines(context.session, context.now, context.zone):
            yield each.place, f"overdue: {deadline_text(each)}"


def _wrong_file(context: CheckContext, found: Reference) -> str:
    """What is wrong with the file or its lines; empty if nothing is."""
    if is_outside(found.name):
        return "is outside the repository"
    if not context.tree.has(found.name):
        name = found.name.partition(".")[0]
        if any(fact.name == name for fact in context.session.facts):
            return f"does not exist; for a fact's value write '{{{{ {found.name} }}}}'"
        return f"does not exist{context.hint(found.name)}"
    if found.kind != "lines":
        if context.evidence_exists(found):
            return ""
        return f"has no section '#{found.section}'" if found.section else "is not a file"
    if not 0 < found.first <= found.last:
        return "names no lines; the first is 1"
    count = context.lines(found.name)
    return f"has only {count:,} lines" if count is not None and found.last > count else ""
