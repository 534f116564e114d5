"""Templates that go wrong are told at their line, and none runs without end."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from handoff import api
from handoff.base.budget import TEMPLATE_SECONDS
from handoff.base.problems import InvalidInput, Place
from handoff.render.environment import Environment, render_template
from handoff.render.templates import Folders

FIXTURES = Path(__file__).parent / "fixtures/templating"
BAD = yaml.safe_load((FIXTURES / "bad.yaml").read_text(encoding="utf-8"))


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Environment:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    root, package = tmp_path / "root", tmp_path / "package"
    (root / "templates/parts").mkdir(parents=True)
    (package / "parts").mkdir(parents=True)
    (tmp_path / "secret.md.j2").write_text("secret")
    (root / "templates/parts/p.md.j2").write_text("\n{{ nowhere }}")
    (root / "templates/parts/link.md.j2").symlink_to(tmp_path / "secret.md.j2")
    (package / "base.md.j2").write_text("{% block a %}packed{% endblock %} and {{ 1 }}")
    folders = Folders(root, project="templates", sessions="sessions", package=package)
    return Environment(folders, {}, lambda _: None)


def text_of(environment: Environment, template: str) -> str:
    (environment.folders.root / "templates/t.md.j2").write_text(template)
    return render_template(environment, "t.md.j2", {"session": Place("a.yaml")})


@pytest.mark.parametrize("name", BAD)
def test_bad_template_is_told_at_its_line(name: str, environment: Environment) -> None:
    case: dict[str, Any] = BAD[name]

    began = time.monotonic()
    with pytest.raises(InvalidInput) as caught:
        text_of(environment, _source(case))

    (problem,) = caught.value.report.problems
    assert str(problem) == case.get("says", str(problem))
    assert str(problem).startswith(case.get("starts", ""))
    assert problem.code == case.get("code", problem.code)
    assert time.monotonic() - began < TEMPLATE_SECONDS + 5


def _source(case: dict[str, Any]) -> str:
    if "template" in case:
        return str(case["template"])
    before, left, middle, right, after, times = case["repeat"]
    return before + left * times + middle + right * times + after


@pytest.mark.parametrize(
    ("template", "text"),
    [
        (
            "{% for i in range(3) %}{{ loop.index }}{{ loop.cycle('a', 'b') }}{% endfor %}",
            "1a2b3a",
        ),
        ("{% macro m(x) %}<{{ x }}>{% endmacro %}{{ m('a') ~ 1 }}", "<a>1"),
        (
            "{% extends 'base.md.j2' %}{% block a %}{{ super() | upper }}{% endblock %}",
            "PACKED and 1",
        ),
        ("{{ ['a', 'b'] | join(', ') }} {{ 2 * 3 + 1 }}", "a, b 7"),
        ("{% if x is defined %}no{% endif %}{{ ' a ' | trim }}", "a"),
    ],
)
def test_template_within_bounds_renders(
    template: str, text: str, environment: Environment
) -> None:
    assert text_of(environment, template) == text


def test_project_template_replaces_the_one_of_the_package_and_may_extend_it(
    environment: Environment,
) -> None:
    own = environment.folders.root / "templates/base.md.j2"
    own.write_text("{% extends 'package/base.md.j2' %}{% block a %}own{% endblock %}")

    assert render_template(environment, "base.md.j2", {}) == "own and 1"


def test_template_that_is_not_utf8_is_told_at_its_line(environment: Environment) -> None:
    (environment.folders.root / "templates/t.md.j2").write_bytes(b"one\n\xff")

    with pytest.raises(InvalidInput) as caught:
        render_template(environment, "t.md.j2", {})

    assert str(caught.value) == "templates/t.md.j2:2: error: the template is not UTF-8 (T008)"


def test_bug_in_a_filter_is_no_problem_of_the_author(environment: Environment) -> None:
    from handoff.render.content import labelled

    environment.filters["broken"] = lambda _: labelled(None, None, None)  # type: ignore[arg-type]

    with pytest.raises(AttributeError):
        text_of(environment, "{{ 1 | broken }}")


KINDS = yaml.safe_load((FIXTURES / "kinds.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("template", "said"), KINDS, ids=[case[0] for case in KINDS])
def test_filter_of_content_refuses_what_it_does_not_take(
    template: str, said: str, tmp_path: Path
) -> None:
    (tmp_path / "handoff.yaml").write_text("engine: duckdb\n")
    for folder in ("sessions", "templates"):
        (tmp_path / folder).mkdir()
    (tmp_path / "templates/mine.md.j2").write_text(f"\n{template}\n")
    (tmp_path / "sessions/one.yaml").write_text(
        "session: 1\ntitle: T\ncreated: 2026-01-03\ntemplate: mine\nmetrics: {A: b}\n"
    )
    project = api.open_project(str(tmp_path))

    with pytest.raises(InvalidInput) as raised:
        api.render(project, api.load(project, "one"), None)

    code = "" if said.endswith(")") else " (T009)"
    assert str(raised.value) == f"templates/mine.md.j2:2: error: {said}{code}"
