"""What an author set is printed by the document or a prompt, or reported where it is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest
from projects import documents, project

from handoff import api
from handoff.base.problems import InvalidInput, Problem
from handoff.commands.runner import run
from handoff.edit.new_session import begin
from handoff.session.keys import KEYS

DOCUMENT = """# Session 1 Handoff
**Date:** 2026-01-05
**Status:** Complete

## Next steps
- [ ] Deploy
- [ ] Verify
"""
SET: dict[str, tuple[str, Sequence[str]]] = {
    "text": ("goal: Deploy\n", ["goal"]),
    "a number": ("duration: 3\n", ["duration"]),
    "a list": ("decisions: [Keep it, Drop it]\n", ["decisions"]),
    "labels": ("accomplished: {Deployment: at noon}\n", ["accomplished"]),
    "a label with an empty list": ("insights: {Nothing was found: []}\n", ["insights"]),
    "a flag": ("metrics: {Quick: true}\n", ["metrics"]),
    "steps": ("troubleshooting: {steps: [Stop, Start]}\n", ["troubleshooting"]),
    "code": ("orchestrator: {bash: ls}\n", ["orchestrator"]),
    "markdown": ("files: {markdown: '| a |'}\n", ["files"]),
    "a table": (
        "facts: {days: {sql: q/days.sql}}\ncoverage: {table: days}\n",
        ["coverage"],
    ),
    "a checklist": ("checklist: {Deploy: false}\n", ["checklist"]),
    "a claim": ("findings: [{text: Safe, evidence: a.md}]\n", ["findings"]),
    "actions": ("actions: [{do: Call, due: 2026-01-03}]\n", ["actions"]),
    "guards": ("tried: [{what: Wait, why: no}]\ndo_not: [Stop]\n", ["tried", "do_not"]),
    "severity": ("severity: watch\n", ["severity"]),
    "a checkpoint": ("checkpoint: 2026-01-04\n", ["checkpoint"]),
    "the next session": ("next: {title: Train, objectives: [Run]}\n", ["next"]),
    "labels of the summary": ("summary: {State: fine}\n", ["summary"]),
    "two keys": ("goal: Deploy\ndecisions: Keep it\n", ["goal", "decisions"]),
    "what the work waits for, without being the status": (
        "status: HALTED\nblocked_by: The owner\n",
        ["blocked_by"],
    ),
}


def queried(root: Path, session: str, **templates: str) -> api.Project:
    """A project with one session `s`, one query, and templates of its own."""
    (root / "sql/q").mkdir(parents=True)
    query = "-- Days.\n-- returns: n INT64\nSELECT 1537 AS n\n"
    (root / "sql/q/days.sql").write_text(query)
    (root / "templates").mkdir()
    for name, text in templates.items():
        (root / f"templates/{name}.md.j2").write_text(text)
    return project(root, s=session)


def problems(project: api.Project) -> list[Problem]:
    """Those of rendering `s`, whether it fails or not."""
    try:
        return [*api.render(project, api.load(project, "s"), None).problems]
    except InvalidInput as error:
        return [*error.report.problems]


def dropped(project: api.Project) -> list[str]:
    """The paths that are reported as not printed."""
    return [str(each).split("'")[3] for each in problems(project) if each.code == "T012"]


@pytest.mark.parametrize("name", SET)
def test_plain_reports_each_key_that_it_does_not_print(tmp_path: Path, name: str) -> None:
    session, keys = SET[name]

    found = problems(queried(tmp_path, f"template: plain\n{session}"))

    assert [(each.code, each.level) for each in found] == [("T012", "error")] * len(keys)
    assert [str(each.place.keys[0]) for each in found] == keys
    for each in found:
        line = (tmp_path / "sessions/s.yaml").read_text().splitlines()[each.place.line - 1]
        assert line.startswith(f"{each.place.keys[0]}:")


@pytest.mark.parametrize("template", ["handoff", "brief"])
def test_skeletons_print_every_key(tmp_path: Path, template: str) -> None:
    session = "".join(text for name, (text, _) in SET.items() if name != "two keys")
    session += (
        "prompt: {topic: X, read: [a.md], more: {A: b}}\nheader: {A: b}\nclosing: {A: b}\n"
    )

    assert dropped(queried(tmp_path, f"template: {template}\n{session}")) == []


@pytest.mark.parametrize("template", ["handoff", "brief"])
def test_skeletons_print_every_key_without_a_value(tmp_path: Path, template: str) -> None:
    keys = [key.name for key in KEYS if not key.required and key.name not in ("as_of", "slug")]
    session = "".join(f"{name}:\n" for name in keys if name not in ("template", "facts"))

    found = problems(queried(tmp_path, f"template: {template}\n{session}"))

    assert [each for each in found if each.code == "T012"] == []


@pytest.mark.parametrize(
    "session",
    [
        "decisions: []\nactions: []\n",
        "status: HALTED\n",
        "blocked_by: The owner\n",
        "slug: other\nstarted: 2026-01-03T14:00:00Z\nended: 2026-01-03T15:00:00Z\n",
        "supersedes: s-0\nprevious: s-0\nas_of: 2026-01-03T14:00:00Z\n",
        "next: {id: session-2, session: 2}\n",
        "facts: {days: {sql: q/days.sql}}\n",
        "header: {A: b}\nclosing: {C: d}\nsections: [{title: A, content: b}]\n",
        "severity: stable\nprompt: {topic: X, goal: Y, more: {A: b}}\n",
    ],
)
def test_what_is_printed_elsewhere_or_is_nothing_is_well(tmp_path: Path, session: str) -> None:
    assert problems(queried(tmp_path, f"template: plain\n{session}")) == []


def test_blank_that_nobody_sees_is_a_warning(tmp_path: Path) -> None:
    found = problems(queried(tmp_path, "template: plain\ngoal:\n"))

    assert [str(each) for each in found] == [
        "sessions/s.yaml:5:6: warning: template 'plain' does not print 'goal', which is blank; "
        "use 'template: handoff', print it in a template of your own, or remove the key (T012)"
    ]


OWN = "# {{ session.title }}\n"
PRINTING = {
    "as a leaf": "{{ session.goal }}",
    "by a filter": "{{ session.goal | labelled('Goal') }}",
    "in a variable": "{% set x = session.goal | alone %}{{ x }}",
    "in upper case": "{{ session.goal | alone | upper }}",
    "its own text": "{{ session.goal.value | upper }}",
    "its own text, by item": "{{ session['goal']['value'] }}",
    "joined": "{{ [session.goal | alone, 'x'] | join(' ') }}",
    "added": "{{ 'Goal: ' + session.goal.value }}",
    "put together": "{{ 'Goal: ' ~ session.goal }}",
    "cut": "{{ session.goal.value[:3] }}",
    "letter by letter": "{% for each in session.goal.value %}{{ each }}{% endfor %}",
    "through a macro": "{% macro m(x) %}{{ x }}{% endmacro %}{{ m(session.goal | alone) }}",
    "in a loop": "{% for each in [session.goal] %}{{ each | listed }}{% endfor %}",
    "in a block": "{% set x %}{{ session.goal }}{% endset %}{{ x }}",
    "in a fence": "{{ session.goal | alone | fence }}",
    "where it is compared": "{% if session.goal.value %}{{ session.goal }}{% endif %}",
}
DROPPING = {
    "nothing": "",
    "under a condition": "{% if session.actions %}{{ session.goal }}{% endif %}",
    "only tested": "{% if session.goal %}There is a goal.{% endif %}",
    "only tested as text": "{% if session.goal | alone %}There is a goal.{% endif %}",
    "only compared": "{% if session.goal.value == 'Deploy' %}Today.{% endif %}",
    "only counted": "{{ session.goal.value | length }}",
    "a variable that is not printed": "{% set x = session.goal | alone %}",
    "a comment": "{# {{ session.goal }} #}",
}


@pytest.mark.parametrize("name", PRINTING)
def test_own_template_may_print_a_key_in_any_way(tmp_path: Path, name: str) -> None:
    session = "template: own\ngoal: Deploy\n"

    assert problems(queried(tmp_path, session, own=OWN + PRINTING[name])) == []


@pytest.mark.parametrize("name", DROPPING)
def test_own_template_that_does_not_print_a_key(tmp_path: Path, name: str) -> None:
    session = "template: own\ngoal: Deploy\n"

    found = problems(queried(tmp_path, session, own=OWN + DROPPING[name]))

    assert [str(each) for each in found] == [
        "sessions/s.yaml:5:7: error: template 'own' does not print 'goal'; "
        "print it in templates/own.md.j2, or remove the key (T012)"
    ]


PARTS: dict[str, tuple[str, str, Sequence[str]]] = {
    "checked items only": (
        "checklist: {Deploy: true, Verify: false}",
        "{{ session.checklist | done }}",
        ["checklist > Verify"],
    ),
    "unchecked items only": (
        "checklist: {Deploy: true, Verify: false}",
        "{{ session.checklist | undone }}",
        ["checklist > Deploy"],
    ),
    "labels of items without their notes": (
        "checklist: {Deploy: {done: true, note: at noon}}",
        "{% for each in session.checklist.boxes %}{{ each.label }}{% endfor %}",
        ["checklist > Deploy > note"],
    ),
    "the first entry": (
        "accomplished: {A: one, B: two, C: {D: three}}",
        "{{ (session.accomplished.entries | first).content }}",
        ["accomplished > B", "accomplished > C"],
    ),
    "labels of entries": (
        "accomplished: {A: one, B: two}",
        "{% for each in session.accomplished.entries %}{{ each.label }}{% endfor %}",
        ["accomplished"],
    ),
    "one of two keys": (
        "next: {title: Train, objectives: [Run], time: 1 h}",
        "{{ session.next.title }}{{ session.next.time | listed }}",
        ["next > objectives"],
    ),
}


@pytest.mark.parametrize("name", PARTS)
def test_parts_that_are_not_printed_are_reported_alone(tmp_path: Path, name: str) -> None:
    session, template, paths = PARTS[name]

    found = dropped(queried(tmp_path, f"template: own\n{session}\n", own=OWN + template))

    assert found == paths


def test_child_that_empties_a_block_drops_its_keys(tmp_path: Path) -> None:
    own = "{% extends 'package/handoff.md.j2' %}{% block summary %}{% endblock %}"

    found = dropped(
        queried(tmp_path, "template: own\ngoal: Deploy\nmetrics: {A: b}\n", own=own)
    )

    assert found == ["goal"]


def test_template_of_one_session_is_named_by_its_path(tmp_path: Path) -> None:
    opened = queried(tmp_path, "goal: Deploy\n")
    (tmp_path / "sessions/s.md.j2").write_text(OWN)

    (found,) = problems(opened)

    assert found.message == (
        "template 'sessions/s' does not print 'goal'; "
        "print it in sessions/s.md.j2, or remove the key"
    )


def test_key_in_a_prompt_is_printed_although_no_document_has_it(tmp_path: Path) -> None:
    prompt = (
        "{% extends 'package/prompt.md.j2' %}{% block ask %}{{ session.goal }}{% endblock %}"
    )
    session = "template: plain\ngoal: Deploy\nprompt: {topic: X}\n"

    assert dropped(queried(tmp_path, session, prompt=prompt)) == []


def test_parts_of_a_prompt_that_its_template_drops(tmp_path: Path) -> None:
    prompt = "{% extends 'package/prompt.md.j2' %}{% block approach %}{% endblock %}"
    session = "prompt: {topic: X, approach: Slowly}\nprompts: {b: {topic: Y, approach: Fast}}\n"

    found = dropped(queried(tmp_path, session, prompt=prompt))

    assert found == ["prompt > approach", "prompts > b > approach"]


def test_parts_next_to_the_whole_text_of_a_prompt(tmp_path: Path) -> None:
    found = problems(queried(tmp_path, "prompt: {text: Go on, topic: X, read: [a.md]}\n"))

    assert [each.message for each in found] == [
        "a prompt with 'text' does not print 'prompt > topic'; "
        "add it to the text, or remove one of them"
    ]


def test_sections_without_a_place_are_reported_together_and_once(tmp_path: Path) -> None:
    sections = "sections: [{title: A, content: b}, {title: C, after: files, content: d}]\n"

    found = problems(queried(tmp_path, f"template: own\ngoal: x\n{sections}", own=OWN))

    assert [each.code for each in found] == ["T012", "T010", "T010"]


CHILD = """{# a comment #}
{% extends 'package/handoff.md.j2' %}
{% import 'parts.md.j2' as parts %}
{% set name = 'x' %}
{% set text %}captured{% endset %}
{% macro m() %}in a macro{% endmacro %}
{% block metrics %}{{ m() }}{{ text }}{% endblock %}
"""
OUTSIDE = {
    "text": ("Lost words\nand more\n", [(8, "'Lost words'"), (9, "'and more'")]),
    "a value": ("{{ session.goal }}\n", [(8, "a '{{ }}'")]),
    "under a condition": ("\n{% if true %}\nLost\n{% endif %}\n", [(10, "'Lost'")]),
    "in a loop": ("{% for x in [1] %}{{ x }}{% endfor %}\n", [(8, "a '{{ }}'")]),
    "long": (f"{'x' * 50}\n", [(8, f"'{'x' * 40}…'")]),
    "white space": ("\n   \n", []),
}


@pytest.mark.parametrize("name", OUTSIDE)
def test_text_outside_the_blocks_of_a_child(tmp_path: Path, name: str) -> None:
    text, places = OUTSIDE[name]
    templates = {"own": CHILD + text, "parts": "{% macro p() %}{% endmacro %}"}

    opened = queried(tmp_path, "template: own\n", **templates)

    expected = [
        (
            f"templates/own.md.j2:{line}",
            f"{what} is outside the blocks of 'package/handoff.md.j2' and is not printed; "
            "put it into a block",
            "T013",
        )
        for line, what in places
    ]
    found = [(str(each.place), each.message, each.code) for each in problems(opened)]
    assert found == expected
    checked = [each for each in api.check(opened).problems if each.code == "T013"]
    assert [(str(each.place), each.message, each.code) for each in checked] == expected


def test_unused_template_is_checked_too(tmp_path: Path) -> None:
    opened = queried(tmp_path, "goal: x\n", own="{% extends 'package/brief.md.j2' %}\nLost\n")

    assert [each.code for each in api.check(opened).errors] == ["T013"]


COMMANDS = (["render", "s", "--no-queries"], ["check"], ["publish"], ["publish", "--check"])


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_reports_it(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    command: list[str],
) -> None:
    queried(tmp_path, "template: plain\ngoal: Deploy\n")
    monkeypatch.chdir(tmp_path)

    assert run(command) == 1

    found = capfd.readouterr()
    assert (
        "sessions/s.yaml:5:7: error: template 'plain' does not print" in found.out + found.err
    )


# --- new -----------------------------------------------------------------------------------


def test_session_after_an_imported_document_prints_what_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "handoff.yaml").write_text("engine: duckdb\n")
    (tmp_path / "2026-01-05-SESSION-1-HANDOFF.md").write_text(DOCUMENT)
    monkeypatch.chdir(tmp_path)
    assert run(["import", "2026-01-05-SESSION-1-HANDOFF.md"]) == 0
    assert run(["new", "session-2", "--created", "2026-01-06"]) == 0
    said = "uses template 'handoff', as the previous one does not print 'checklist'\n"
    assert said in capfd.readouterr().err
    for command in (
        ["set", "session-2", "goal", "Deploy it all"],
        ["add", "session-2", "decisions", "Keep the sample"],
        ["tick", "session-2", "Deploy"],
        ["set", "session-2", "accomplished.Deployment", "done at noon", "--new"],
        ["set", "session-2", "next.title", "Train"],
        ["add", "session-2", "actions", "Call the owner"],
        ["render", "session-2", "--no-queries", "--stdout"],
        ["check", "session-2"],
        ["publish"],
        ["publish", "--check"],
    ):
        assert run(command) == 0

    text = documents(tmp_path)["2026-01-06-SESSION-2-SESSION-2.md"]
    words = (
        "Deploy it all",
        "Keep the sample",
        "[x] Deploy",
        "done at noon",
        "Train",
        "Call the",
    )
    assert [each for each in words if each not in text] == []


@pytest.mark.parametrize("template", ["plain", "untitled"])
def test_new_takes_another_template_than_a_bare_one(tmp_path: Path, template: str) -> None:
    opened = project(tmp_path, s=f"template: {template}\n")

    begun = begin(opened, "t", created=date(2026, 2, 1), source_id="s")

    assert begun.template == "handoff"
    assert "template:" not in (tmp_path / "sessions/t.yaml").read_text()
    assert api.render(opened, api.load(opened, "t"), None).problems == ()


def test_new_with_a_chosen_template_leaves_out_what_it_does_not_print(tmp_path: Path) -> None:
    opened = project(tmp_path, s="decisions: [Keep it]\nactions: [Call]\n")

    begun = begin(opened, "t", created=date(2026, 2, 1), source_id="s", template="plain")

    assert (begun.template, begun.unprinted) == ("", ("checklist", "decisions", "actions"))
    text = (tmp_path / "sessions/t.yaml").read_text()
    assert "template: plain" in text
    assert "decisions:" not in text
    assert api.render(opened, api.load(opened, "t"), None).problems == ()


def test_new_keeps_an_own_template_that_prints_what_is_carried_over(tmp_path: Path) -> None:
    own = f"{OWN}{{{{ session.decisions | listed }}}}{{{{ session.checklist | listed }}}}"
    opened = queried(tmp_path, "template: own\ndecisions: [Keep it]\n", own=own)

    begun = begin(opened, "t", created=date(2026, 2, 1), source_id="s")

    text = (tmp_path / "sessions/t.yaml").read_text()
    assert (begun.template, begun.unprinted) == ("", ())
    assert "template: own" in text
    assert "\ngoal:" not in text
    assert api.render(opened, api.load(opened, "t"), None).problems == ()
