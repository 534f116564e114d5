"""Older documents in a folder of their own, and every link to them."""

from __future__ import annotations

from pathlib import Path

import pytest
from projects import OUTPUT, documents, project, write_session

from handoff import api
from handoff.project.project import Project
from handoff.publish.signature import signature

SETTINGS = "engine: duckdb\narchive: {after_days: 30}\n"
ONE = "2026-01-03-SESSION-1-ONE.md"
TWO = "2026-02-02-SESSION-2-TWO.md"
NEW = "created: 2026-02-03\n"
LINKS = f"""\
created: 2026-02-02
goal: "After [one]({ONE}), see {OUTPUT}/{ONE}"
prompt:
  read:
    - {{path: {OUTPUT}/{ONE}, note: what was done}}
"""


def reopened(here: Project) -> Project:
    return api.open_project(str(here.root), environment={})


def archived(root: Path) -> Project:
    """Two sessions 30 days apart, published; then a third on the next day, not yet."""
    here = project(root, SETTINGS, one="created: 2026-01-03\ngoal: '{{ document }}'\n")
    write_session(root, "two", LINKS, 2)
    assert api.publish(here).exit_code == 0
    assert sorted(documents(root)) == [ONE, TWO, "LATEST.md", "README.md"]
    write_session(root, "three", NEW, 3)
    return here


def test_older_document_moves_and_no_link_to_it_dies(tmp_path: Path) -> None:
    here = archived(tmp_path)

    done = api.publish(here)

    assert done.removed == (f"{OUTPUT}/{ONE}",)
    found = documents(tmp_path)
    assert sorted(found) == [
        f"2026-01/{ONE}",
        TWO,
        "2026-02-03-SESSION-3-THREE.md",
        "LATEST.md",
        "README.md",
    ]
    assert f"**Session Goal**: {OUTPUT}/2026-01/{ONE}\n" in found[f"2026-01/{ONE}"]
    assert (
        f"**Session Goal**: After [one](2026-01/{ONE}), see {OUTPUT}/2026-01/{ONE}\n"
        in found[TWO]
    )
    assert f"1. {OUTPUT}/2026-01/{ONE} (what was done)\n" in found[TWO]
    assert f"[Session 1: One](2026-01/{ONE})" in found["README.md"]
    assert api.unpublished(here) == ()
    assert [p for p in api.check(here).problems if p.code in ("P001", "D007")] == []


def test_publishing_again_and_without_memory_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = archived(tmp_path)
    api.publish(here)
    before = documents(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))

    done = api.publish(here)

    assert [each.path for each in done.written if each.changed] == []
    assert documents(tmp_path) == before


def test_check_names_a_document_to_be_moved(tmp_path: Path) -> None:
    here = archived(tmp_path)

    told = [str(each.problem) for each in api.unpublished(here)]

    assert told == [
        f"{OUTPUT}/{ONE}: error: belongs at {OUTPUT}/2026-01/{ONE} now; 'handoff publish' "
        "moves it (X007)",
        f"{OUTPUT}/2026-01/{ONE}: error: not published; 'handoff publish' writes it (X004)",
        f"{OUTPUT}/{TWO}: error: out of date because the place of {OUTPUT}/{ONE} changed; "
        "'handoff publish' writes it (X005)",
        f"{OUTPUT}/2026-02-03-SESSION-3-THREE.md: error: not published; 'handoff publish' "
        "writes it (X004)",
        f"{OUTPUT}/LATEST.md: error: out of date; 'handoff publish' writes it (X005)",
        f"{OUTPUT}/README.md: error: out of date; 'handoff publish' writes it (X005)",
    ]


def test_edited_document_stays_and_links_to_it_with_it(tmp_path: Path) -> None:
    here = archived(tmp_path)
    file = tmp_path / OUTPUT / ONE
    edited = file.read_text("utf-8").replace("# 🎯", "# Mine:")
    file.write_text(edited, "utf-8")

    done = api.publish(here)

    assert [each.partition(":")[0] for each in done.refused] == [f"{OUTPUT}/{ONE}"]
    found = documents(tmp_path)
    assert found[ONE] == edited
    assert f"2026-01/{ONE}" not in found
    assert f"After [one]({ONE})" in found[TWO]
    assert f"[Session 1: One]({ONE})" in found["README.md"]


def test_document_does_not_go_before_it_is_there(tmp_path: Path) -> None:
    here = archived(tmp_path)
    before = documents(tmp_path)[ONE]
    (tmp_path / OUTPUT / "2026-01").mkdir()
    (tmp_path / OUTPUT / "2026-01" / ONE).write_text("by hand\n")

    done = api.publish(here, prune=True)

    assert done.removed == ()
    assert documents(tmp_path)[ONE] == before
    assert documents(tmp_path)[f"2026-01/{ONE}"] == "by hand\n"


def test_document_comes_back_where_there_is_no_archive_any_more(tmp_path: Path) -> None:
    here = archived(tmp_path)
    api.publish(here)
    (tmp_path / "handoff.yaml").write_text("engine: duckdb\n")

    done = api.publish(reopened(here))

    assert done.removed == (f"{OUTPUT}/2026-01/{ONE}",)
    assert f"After [one]({ONE})" in documents(tmp_path)[TWO]
    assert api.unpublished(reopened(here)) == ()


def test_move_that_was_cut_short_is_finished(tmp_path: Path) -> None:
    here = archived(tmp_path)
    old = (tmp_path / OUTPUT / ONE).read_text("utf-8")
    api.publish(here)
    (tmp_path / OUTPUT / ONE).write_text(old, "utf-8")

    done = api.publish(here)

    assert done.removed == (f"{OUTPUT}/{ONE}",)
    assert api.unpublished(here) == ()


def test_rendering_one_session_writes_it_where_it_stands(tmp_path: Path) -> None:
    here = archived(tmp_path)

    document = api.render(here, api.load(here, "one"), None)

    assert document.path == f"{OUTPUT}/2026-01/{ONE}"
    assert api.write(here, document).changed
    assert signature((tmp_path / document.path).read_bytes()).text == document.text


@pytest.mark.parametrize("days", ["3000", "99999999999"])
def test_nothing_is_that_old(tmp_path: Path, days: str) -> None:
    here = project(
        tmp_path, f"engine: duckdb\narchive: {{after_days: {days}}}\n", one="", two=""
    )

    api.publish(here)

    assert not any("/" in name for name in documents(tmp_path))
