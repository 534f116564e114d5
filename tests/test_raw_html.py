"""Words in angle brackets that GitHub drops are reported where they are written."""

from __future__ import annotations

from pathlib import Path

import pytest

from handoff.commands.runner import run

DROPPED = {
    "Run git checkout <branch>": "<branch>",
    "Use Optional<T> everywhere": "<T>",
    "Move <Header> into App": "<Header>",
    "a Map<String, List<Row>> of rows": "<Row>",
    "load <your-table> first": "<your-table>",
    "load it into <table>": "<table>",
    "a <Table> of days": "<Table>",
    "edit <file name> by hand": "<file name>",
    "the end is </branch>": "</branch>",
    "set <br0ken/>": "<br0ken/>",
    "**bold <branch>**": "<branch>",
    "[a link <branch>](x.md)": "<branch>",
    "the value `x` of <key>": "<key>",
    "stops at <!ELEMENT x>": "<!ELEMENT x>",
    "starts with <?php echo ?>": "<?php echo ?>",
    "<b and> bold": "<b and>",
}
SHOWN = [
    "Run git checkout `<branch>`",
    r"Run git checkout \<branch>",
    r"Run git checkout \<branch\>",
    "Run git checkout &lt;branch&gt;",
    "Use `Optional<T>` everywhere",
    "a < b and c > d",
    "if n <3 and m> 4",
    "<https://example.invalid/x>",
    "<ann@example.invalid>",
    "press <kbd>Ctrl</kbd> and x<sup>2</sup>, H<sub>2</sub>O",
    "a break<br>and<br/>another<hr>",
    'an <img src="x.png" alt="x"> and <a name="here"></a>',
    '<p align="center">words',
    "seen <!-- a note for authors --> here",
    "<details><summary>more</summary> words </details>",
    "<- back, -> on, <= at most, <> other",
    "a <1> and <_x> and <$y>",
    "{{ v.n < 3 }} or {{ v.n > 2 }}",
]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "sql/t").mkdir(parents=True)
    (tmp_path / "sessions").mkdir()
    (tmp_path / "handoff.yaml").write_text("engine: duckdb\n")
    query = "-- Q.\n-- returns: n INT64\nSELECT 3 AS n\n"
    (tmp_path / "sql/t/v.sql").write_text(query)
    monkeypatch.chdir(tmp_path)
    return tmp_path


HEAD = "session: 1\ntitle: T\ncreated: 2026-01-03\nfacts: {v: t/v.sql}\n"
PLACES = {
    "title": "session: 1\ntitle: 'WORDS'\ncreated: 2026-01-03\nfacts: {v: t/v.sql}\n",
    "goal": f"{HEAD}goal: 'WORDS'\n",
    "item": f"{HEAD}checklist: {{'WORDS': true}}\n",
    "note": f"{HEAD}checklist: {{A: {{done: true, note: 'WORDS'}}}}\n",
    "heading": f"{HEAD}accomplished: {{'WORDS': [done]}}\n",
    "list": f"{HEAD}accomplished: {{A: ['WORDS']}}\n",
    "section": f"{HEAD}sections: [{{title: 'WORDS', content: text}}]\n",
    "column": f"{HEAD}sections: [{{title: A, content: {{table: v, columns: {{n: WORDS}}}}}}]\n",
    "decision": f"{HEAD}decisions: [{{text: 'WORDS', evidence: v}}]\n",
    "markdown": f"{HEAD}sections: [{{title: A, content: {{markdown: 'WORDS'}}}}]\n",
}


def dropped(root: Path, source: str, capfd: pytest.CaptureFixture[str]) -> list[str]:
    (root / "sessions/session-1.yaml").write_text(source)
    run(["check"])
    return [line for line in capfd.readouterr().out.splitlines() if "(D012)" in line]


@pytest.mark.parametrize("words", DROPPED)
def test_words_that_github_drops_are_reported(
    words: str, root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (found,) = dropped(root, f"{HEAD}goal: '{words}'\n", capfd)

    at, tag = 7 + words.index(DROPPED[words]), DROPPED[words]
    assert found.startswith(f"sessions/session-1.yaml:5:{at}: warning: '{tag}'")
    assert f"write '`{tag}`' or '\\{tag}' (D012)" in found


@pytest.mark.parametrize("words", SHOWN)
def test_what_github_shows_is_not_reported(
    words: str, root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert dropped(root, f"{HEAD}goal: '{words}'\n", capfd) == []


@pytest.mark.parametrize("place", PLACES)
def test_dropped_words_are_reported_wherever_they_are(
    place: str, root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    words = "Use <T> here"
    line = next(n for n, each in enumerate(PLACES[place].splitlines(), 1) if "WORDS" in each)

    dropped(root, PLACES[place], capfd)
    run(["render", "session-1"])  # a table without rows is a blank
    (found,) = dropped(root, PLACES[place].replace("WORDS", words), capfd)

    assert found.startswith(f"sessions/session-1.yaml:{line}:")
    for fixed in ("Use `<T>` here", r"Use \<T> here"):
        assert dropped(root, PLACES[place].replace("WORDS", fixed), capfd) == []


def test_code_and_the_fence_of_a_prompt_show_everything(
    root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    source = (
        f"{HEAD}sections: [{{title: A, content: {{bash: 'git checkout <branch>'}}}},"
        ' {title: B, content: {markdown: "```\\n<branch>\\n```\\n"}}]\n'
        "prompt: {topic: <branch>, ask: 'Check out <branch>', more: {<T>: [x <T>]}}\n"
    )

    assert dropped(root, source, capfd) == []


def test_values_of_queries_are_not_reported(
    root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    query = "-- Q.\n-- returns: s STRING\nSELECT 'on <branch>' AS s\n"
    (root / "sql/t/v.sql").write_text(query)
    (root / "sessions/session-1.yaml").write_text(f"{HEAD}goal: 'It is {{{{ v.s }}}}'\n")
    run(["render", "session-1"])
    capfd.readouterr()

    run(["check"])

    assert "D012" not in capfd.readouterr().out
