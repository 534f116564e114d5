"""Blocks of a template that replace nothing."""

from __future__ import annotations

from pathlib import Path

from handoff.base.problems import Place, Problem
from handoff.render.templates import Folders, block_problems

PACKAGE = Path(__file__).parent.parent / "templates"


def found(root: Path, **templates: str) -> list[Problem]:
    (root / "templates").mkdir()
    for name, text in templates.items():
        (root / f"templates/{name}.md.j2").write_text(text)
    folders = Folders(root, project="templates", sessions="sessions", package=PACKAGE)
    return [*block_problems(folders, folders.of_project())]


def test_misspelt_block_names_the_nearest(tmp_path: Path) -> None:
    text = "{% extends 'package/handoff.md.j2' %}\n{% block troubleshoting %}x{% endblock %}"

    assert found(tmp_path, mine=text) == [
        Problem(
            "T011",
            "no block 'troubleshoting' in 'package/handoff.md.j2', "
            "did you mean 'troubleshooting'?",
            Place("templates/mine.md.j2", 2),
            "warning",
        )
    ]


def test_blocks_that_are_there_or_stand_inside_are_well(tmp_path: Path) -> None:
    text = (
        "{% extends 'package/handoff.md.j2' %}"
        "{% block files %}{% block inner %}x{% endblock %}{% endblock %}"
    )
    own = "{% block any %}x{% endblock %}"
    onward = "{% extends 'mine.md.j2' %}{% block inner %}y{% endblock %}"

    assert found(tmp_path, mine=text, own=own, onward=onward) == []


def test_template_that_cannot_be_read_is_left_to_render(tmp_path: Path) -> None:
    missing = "{% extends 'nowhere.md.j2' %}{% block x %}{% endblock %}"
    around = "{% extends 'around.md.j2' %}{% block x %}{% endblock %}"

    assert found(tmp_path, broken="{% block %}", missing=missing, around=around) == []
