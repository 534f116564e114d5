"""Documents and their index, published from what is recorded."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from projects import OUTPUT, documents, project, write_session

from handoff import api
from handoff.base.problems import Problem, WorldError
from handoff.project.project import Project
from handoff.publish import build_cache
from handoff.publish import writer as publishing
from handoff.publish.signature import signed
from handoff.workspace import build

ONE = "2026-01-01-SESSION-1-ONE.md"
TWO = "2026-01-02-SESSION-2-TWO.md"


def told(project: Project) -> list[str]:
    """What `publish --check` says, as lines."""
    return [str(each.problem) for each in api.unpublished(project)]


def changed(done: api.PublishResult) -> list[str]:
    return [each.path.removeprefix(f"{OUTPUT}/") for each in done.written if each.changed]


def test_index_has_links_both_ways(tmp_path: Path) -> None:
    api.publish(
        project(
            tmp_path,
            one="next: {id: two, title: Planned}\n",
            two="checklist: {Boxed: true, Open: false}\n",
            three="previous: [two]\nsupersedes: one\nnext: {title: More | less}\n",
        )
    )

    index, latest = (documents(tmp_path)[name] for name in ("README.md", "LATEST.md"))

    assert publishing.signature(index.encode()).text == (
        "# Session handoffs\n"
        "\n"
        "Latest: [Session 3: Three](2026-01-03-SESSION-3-THREE.md)\n"
        "\n"
        "## 2026-01\n"
        "\n"
        "| Session | Created | Status | Checklist | Previous | Next |\n"
        "|---|---|---|---|---|---|\n"
        "| [Session 3: Three](2026-01-03-SESSION-3-THREE.md) | 2026-01-03 | no checklist "
        f"| – | [Session 2]({TWO}) | More \\| less |\n"
        f"| [Session 2: Two]({TWO}) | 2026-01-02 | 🔄 IN PROGRESS (1 of 2) "
        f"| 1 of 2 | [Session 1]({ONE}) | [Session 3](2026-01-03-SESSION-3-THREE.md) |\n"
        f"| [Session 1: One]({ONE}) | 2026-01-01 | no checklist; superseded by "
        f"[Session 3](2026-01-03-SESSION-3-THREE.md) | – | – | [Session 2]({TWO}) |\n"
    )
    assert publishing.signature(latest.encode()).text == (
        "# Latest handoff\n\n[Session 3: Three](2026-01-03-SESSION-3-THREE.md), no checklist\n"
    )


def test_superseded_document_is_linked(tmp_path: Path) -> None:
    (tmp_path / "docs/old").mkdir(parents=True)
    (tmp_path / "docs/old/A_B.md").write_text("# Old\n")
    here = project(
        tmp_path,
        one="supersedes: docs/old/A_B.md\n",
        two='supersedes: "[the | plan](https://example.org/plan)"\n',
    )

    api.publish(here)

    index = documents(tmp_path)["README.md"]
    assert "| no checklist; supersedes [`docs/old/A_B.md`](../old/A_B.md) |" in index
    assert "| no checklist; supersedes [the \\| plan](https://example.org/plan) |" in index


def test_pointer_to_the_latest_has_its_prompts(tmp_path: Path) -> None:
    here = project(
        tmp_path,
        one="prompt: {ask: Old.}\n",
        two="prompt: {text: 'Go on. ``` stays.'}\nprompts: {review: {text: Review it.}}\n",
    )

    api.publish(here)
    again = api.publish(here)

    latest = publishing.signature(documents(tmp_path)["LATEST.md"].encode()).text
    assert latest.partition("## Prompt")[1:] == (
        "## Prompt",
        "\n\n````\nGo on. ``` stays.\n````\n\n## Prompt: review\n\n```\nReview it.\n```\n",
    )
    assert changed(again) == []


def test_only_what_changed_is_rendered_and_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = project(tmp_path, one="", two="")
    api.publish(here)
    rendered: list[str] = []
    render = build.render

    def noted(
        project: Project, loaded: api.LoadedSession, *rest: object, **more: object
    ) -> object:
        rendered.append(loaded.session.id)
        return render(project, loaded, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(build, "render", noted)

    assert changed(api.publish(here)) == []
    assert rendered == []
    write_session(tmp_path, "two", "goal: Another\n", 2)
    assert changed(api.publish(here)) == [TWO]
    assert rendered == ["two"]


SOURCES = {
    "sessions/one.yaml": "session: 1\ntitle: One\ncreated: 2026-01-01\ngoal: Other\n",
    "templates/handoff.md.j2": "Own {{ session.goal }}\n",
    "sessions/one.md.j2": "Own {{ session.goal }}\n",
    "handoff.yaml": "engine: duckdb\ntemplates: skeletons\n",
}


@pytest.mark.parametrize("source", SOURCES)
def test_document_out_of_date_names_what_changed(tmp_path: Path, source: str) -> None:
    (tmp_path / "skeletons").mkdir()
    (tmp_path / "skeletons/handoff.md.j2").write_text("Skeleton {{ session.goal }}\n")
    api.publish(project(tmp_path, one="goal: Count\n"))
    (tmp_path / source).parent.mkdir(exist_ok=True)
    (tmp_path / source).write_text(SOURCES[source])
    here = api.open_project(str(tmp_path), environment={})

    first, second = told(here), told(here)

    names = [source, "skeletons/handoff.md.j2"] if source == "handoff.yaml" else [source]
    assert first == second
    assert first == [
        f"{OUTPUT}/{ONE}: error: out of date because {' and '.join(names)} changed; "
        "'handoff publish' writes it (X005)"
    ]


def test_check_shows_the_beginning_of_a_difference(tmp_path: Path) -> None:
    here = project(tmp_path, one="goal: Count\n")
    api.publish(here)
    write_session(tmp_path, "one", "goal: Weigh\n")

    (found,) = api.unpublished(here)

    assert [line for line in found.difference.splitlines() if line[0] != " "] == [
        f"--- {OUTPUT}/{ONE} (as it is)",
        f"+++ {OUTPUT}/{ONE} (as rendered)",
        "@@ -6,4 +6,4 @@",
        "-**Session Goal**: Count",
        "+**Session Goal**: Weigh",
    ]


def test_long_difference_is_cut() -> None:
    content = signed("\n".join(map(str, range(50))), "one").encode()

    shown = publishing.difference("a.md", content, "x\n", most=5).splitlines()

    assert len(shown) == 6
    assert shown[-1] == "... 49 more lines"


def test_edited_document_is_kept_and_the_others_are_written(tmp_path: Path) -> None:
    here = project(tmp_path, one="", two="")
    api.publish(here)
    edited = documents(tmp_path)[ONE].replace("# 🎯", "# Mine:")
    (tmp_path / OUTPUT / ONE).write_text(edited)
    write_session(tmp_path, "two", "goal: Another\n", 2)

    done = api.publish(here)

    assert changed(done) == [TWO]
    assert [each.splitlines()[0] for each in done.refused] == [
        f"{OUTPUT}/{ONE}: error: edited manually since handoff wrote it: move the edits into "
        "the session file with 'handoff import --into one', or replace it with '--overwrite', "
        "which keeps its text aside (X001)"
    ]
    assert done.exit_code == 1
    assert documents(tmp_path)[ONE] == edited


# --- what is left over ---------------------------------------------------------------------


def test_deleted_session_leaves_its_document_until_it_is_pruned(tmp_path: Path) -> None:
    here = project(tmp_path, one="", two="")
    api.publish(here)
    (tmp_path / "sessions/one.yaml").unlink()
    message = "orphaned: session 'one' no longer exists; 'handoff publish --prune' removes it"

    kept = api.publish(here)
    checked = told(here)
    pruned = api.publish(here, prune=True)

    assert [str(each) for each in kept.left] == [f"{OUTPUT}/{ONE}: warning: {message} (X006)"]
    assert kept.removed == ()
    assert checked == [f"{OUTPUT}/{ONE}: error: {message} (X006)"]
    assert pruned.removed == (f"{OUTPUT}/{ONE}",)
    assert sorted(documents(tmp_path)) == [TWO, "LATEST.md", "README.md"]
    assert told(here) == []


def test_pruning_spares_what_a_hand_edited(tmp_path: Path) -> None:
    here = project(tmp_path, one="", two="")
    api.publish(here)
    (tmp_path / "sessions/one.yaml").unlink()
    edited = f"Mine\n{documents(tmp_path)[ONE]}"
    (tmp_path / OUTPUT / ONE).write_text(edited)

    done = api.publish(here, prune=True)

    assert [str(each) for each in done.left] == [
        f"{OUTPUT}/{ONE}: warning: orphaned: session 'one' no longer exists; edited "
        "manually, so remove it yourself (X006)"
    ]
    assert documents(tmp_path)[ONE] == edited


def test_new_slug_leaves_a_link_in_the_old_document(tmp_path: Path) -> None:
    here = project(tmp_path, one="")
    api.publish(here)
    write_session(tmp_path, "one", "slug: other\n")
    new = "2026-01-01-SESSION-1-OTHER.md"
    message = f"belongs at {OUTPUT}/{new} now; 'handoff publish' leaves a link to it here"

    checked = told(here)
    done = api.publish(here)

    assert f"{OUTPUT}/{ONE}: error: {message} (X007)" in checked
    assert changed(done) == [new, "README.md", "LATEST.md"]
    assert (done.left, done.links) == ((), (f"{OUTPUT}/{ONE}",))
    assert documents(tmp_path)[ONE].startswith(
        f"# Moved\n\nThis document is now [{new}]({new}).\n\n<!-- handoff: moved:one sha256:"
    )
    assert told(here) == []


def test_session_that_cannot_be_read_loses_no_document(tmp_path: Path) -> None:
    here = project(tmp_path, one="", two="")
    api.publish(here)
    before = documents(tmp_path)
    write_session(tmp_path, "one", "titel: x\n")

    done = api.publish(here, prune=True)

    assert (done.removed, done.left, done.exit_code) == ((), (), 1)
    assert documents(tmp_path) == before


def test_files_of_others_are_not_left_over(tmp_path: Path) -> None:
    here = project(tmp_path, one="")
    api.publish(here)
    (tmp_path / OUTPUT / "notes.md").write_text("# Mine\n")

    assert api.publish(here, prune=True).removed == ()
    assert told(here) == []


def test_two_documents_may_not_differ_by_case_alone(tmp_path: Path) -> None:
    both = "created: 2026-01-01\nslug: same\n"
    here = project(tmp_path, one=both, two=both)
    write_session(tmp_path, "two", both, 1)

    done = api.publish(here)

    assert done.problems == (
        Problem(
            "X003",
            "the document of another session: give one of the two another 'slug' "
            "('one' has it)",
            done.problems[0].place,
        ),
    )
    assert sorted(documents(tmp_path)) == ["2026-01-01-SESSION-1-SAME.md"]


# --- the memory ----------------------------------------------------------------------------


def test_memory_hides_no_edit_of_the_same_size(tmp_path: Path) -> None:
    here = project(tmp_path, one="goal: Count\n")
    api.publish(here)
    assert told(here) == []
    file = tmp_path / OUTPUT / ONE
    was = file.stat()
    file.write_text(file.read_text("utf-8").replace("Count", "Sound"), "utf-8")
    os.utime(file, ns=(was.st_atime_ns, was.st_mtime_ns))

    assert [each.problem.code for each in api.unpublished(here)] == ["X001"]


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"format": 1}', b"\xff", b'{"format": 0}']
)
def test_memory_that_cannot_be_read_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    here = project(tmp_path / "root", one="")
    api.publish(here)
    (file,) = (tmp_path / "cache/handoff/published").glob("*.json")
    file.write_bytes(content)

    assert told(here) == []
    assert changed(api.publish(here)) == []


def test_lost_cache_costs_only_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null")
    here = project(tmp_path, one="")

    assert build_cache.load_cache(here.root).path is None
    assert changed(api.publish(here)) == [ONE, "README.md", "LATEST.md"]
    assert changed(api.publish(here)) == []


def test_facts_that_are_a_link_to_a_device_are_refused(tmp_path: Path) -> None:
    here = project(tmp_path, one="")
    (here.root / "sessions/one.facts.json").symlink_to("/dev/zero")

    refused = "sessions/one.facts.json: error: not a file to read: leads outside the repository"
    assert f"{refused} (Y013)" in [str(each.problem) for each in api.unpublished(here)]
    assert f"{refused} (Y013)" in [str(each) for each in api.publish(here).problems]


def test_link_in_place_of_a_document_is_refused_though_it_reads_the_same(
    tmp_path: Path,
) -> None:
    here = project(tmp_path / "root", one="")
    api.publish(here)
    api.publish(here)
    file = here.root / OUTPUT / ONE
    file.rename(tmp_path / "outside.md")
    file.symlink_to(tmp_path / "outside.md")

    done = api.publish(here)

    assert done.refused == (f"{OUTPUT}/{ONE}: error: leads outside the repository",)


def test_memory_never_hides_a_difference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is written, removed or edited: with the memory it is told as without."""
    luck = random.Random(7)
    settings = "engine: duckdb\narchive: {after_days: 3}\n"
    here = project(tmp_path, settings, **{f"s{n}": "goal: Count\n" for n in range(1, 7)})
    api.publish(here)
    for n in range(25):
        _meddle(tmp_path, luck, n)
        with_memory = [(p.problem.code, p.problem.place) for p in api.unpublished(here)]
        with monkeypatch.context() as patch:
            patch.setenv("XDG_CACHE_HOME", "/dev/null")
            without = [(p.problem.code, p.problem.place) for p in api.unpublished(here)]

        assert with_memory == without, n
        if luck.random() < 0.4:
            api.publish(here, overwrite=luck.random() < 0.5)


def _meddle(root: Path, luck: random.Random, n: int) -> None:
    """Do to the project something that anybody might."""
    file = luck.choice(sorted((root / OUTPUT).rglob("*.md")))
    session = luck.randint(1, 7)
    path, own = root / f"sessions/s{session}.yaml", root / f"sessions/s{session}.md.j2"
    template = root / "templates/parts/header.md.j2"
    template.parent.mkdir(parents=True, exist_ok=True)
    doings: tuple[Callable[[], object], ...] = (
        lambda: write_session(root, f"s{session}", f"goal: Count {n}\n", session),
        lambda: write_session(root, f"s{session}", f"goal: Count {n % 2}\n", session + n % 5),
        lambda: path.unlink(missing_ok=True),
        lambda: own.write_text(f"Own {n}\n"),
        lambda: own.unlink(missing_ok=True),
        lambda: template.write_text(f"Header {n % 3}\n"),
        lambda: template.unlink(missing_ok=True),
        lambda: file.unlink(),
        lambda: file.write_text(f"Mine {n}\n{file.read_text('utf-8')}", "utf-8"),
        lambda: file.rename(file.with_name(f"2026-01-02-SESSION-{n}-X.md")),
    )
    luck.choice(doings)()


# --- the world -----------------------------------------------------------------------------

PUBLISH = """import sys
from handoff.commands.runner import run
sys.exit(run(['publish', *sys.argv[1:]]))
"""


def command(root: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PUBLISH, "--root", str(root), *words],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "environment",
    [
        {"TZ": "Asia/Tokyo", "LC_ALL": "C"},
        {"TZ": "America/Los_Angeles", "LC_ALL": "C.UTF-8", "PYTHONUTF8": "0"},
        {"TZ": "", "LC_ALL": "tr_TR.UTF-8", "PYTHONHASHSEED": "7"},
    ],
    ids=lambda each: each["TZ"],
)
def test_same_bytes_on_every_machine(tmp_path: Path, environment: dict[str, str]) -> None:
    rest = (
        "goal: Größe 🎯 as of {{ as_of }}\nas_of: 2026-01-03T23:59:00Z\n"
        "checklist: {İstanbul: true, iı: false}\n"
    )
    here = project(tmp_path / "here", one=rest, two=rest)
    there = project(tmp_path / "there", one=rest, two=rest)
    api.publish(here)

    done = command(there.root, XDG_CACHE_HOME=str(tmp_path / "cache"), **environment)

    assert (done.returncode, documents(there.root)) == (0, documents(here.root))


def test_disk_that_is_full_leaves_the_old_files(tmp_path: Path) -> None:
    here = project(tmp_path, one="")
    api.publish(here)
    before = documents(tmp_path)
    write_session(tmp_path, "one", f"goal: {'long ' * 2_000}\n")
    limited = (
        f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000)); {PUBLISH}"
    )

    done = subprocess.run(
        [sys.executable, "-c", limited, "--root", str(tmp_path)],
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, documents(tmp_path)) == (3, before)
    assert f"{OUTPUT}/{ONE}: error: cannot write: file too large" in done.stderr


@pytest.mark.skipif(getattr(os, "getuid", int)() == 0, reason="root may write everywhere")
def test_folder_that_is_read_only(tmp_path: Path) -> None:
    here = project(tmp_path, one="")
    api.publish(here)
    before = documents(tmp_path)
    write_session(tmp_path, "one", "goal: Count\n")
    (tmp_path / OUTPUT).chmod(0o500)

    with pytest.raises(WorldError, match=f"{OUTPUT}/{ONE}: error: cannot write: permission"):
        api.publish(here)

    assert documents(tmp_path) == before
    (tmp_path / OUTPUT).chmod(0o700)


def test_file_where_the_folder_should_be(tmp_path: Path) -> None:
    here = project(tmp_path, one="")
    (tmp_path / "docs").write_text("a file, no folder\n")

    with pytest.raises(WorldError, match="docs/09-handoff: error: cannot write"):
        api.publish(here)


def test_titles_of_emoji_and_slashes_make_safe_names(tmp_path: Path) -> None:
    here = project(tmp_path, one="")
    heads = {"🚀🚀": "🚀🚀", "dots": "../../x", "long": "word " * 200}
    for n, (name, title) in enumerate(heads.items(), 2):
        text = f'session: "../{n}"\ntitle: "{title}"\ncreated: 2026-01-0{n}\n'
        file = "emoji" if name == "🚀🚀" else name
        (tmp_path / f"sessions/{file}.yaml").write_text(text, "utf-8")

    done = api.publish(here)

    assert done.exit_code == 0
    assert sorted(documents(tmp_path)) == [
        ONE,
        "2026-01-02-SESSION-2.md",
        "2026-01-03-SESSION-3-X.md",
        f"2026-01-04-SESSION-4-{'-'.join(['WORD'] * 16)}.md",
        "LATEST.md",
        "README.md",
    ]
    assert told(here) == []


def test_what_a_killed_writer_left_is_swept(tmp_path: Path) -> None:
    here = project(tmp_path, one="")
    api.publish(here)
    (tmp_path / OUTPUT / f".{ONE}.0123abcd.tmp").write_text("half of it")
    (tmp_path / OUTPUT / ".mine.tmp").write_text("not handoff's")

    api.publish(here)

    assert sorted(documents(tmp_path)) == [".mine.tmp", ONE, "LATEST.md", "README.md"]


def test_two_at_once_end_as_if_one_after_the_other(tmp_path: Path) -> None:
    root = project(tmp_path, **{f"s{n}": "goal: Count\n" for n in range(1, 10)}).root
    done: list[subprocess.CompletedProcess[str]] = []

    threads = [threading.Thread(target=lambda: done.append(command(root))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    written = sorted(each.stderr.splitlines()[-1] for each in done)
    assert written == ["11 documents, 0 written"] * 2 + ["11 documents, 11 written"]
    assert command(root, "--check").returncode == 0


# --- hand edits ----------------------------------------------------------------------------

EDITS = int(os.environ.get("HANDOFF_EDITS", "40"))
"""How many to try; 200 take 15 seconds."""


def test_no_edit_by_hand_vanishes(tmp_path: Path) -> None:
    """At random places in the document, between re-renders of a session that changes too."""
    luck = random.Random(7)
    here = project(tmp_path, one="goal: Count\n")
    file = tmp_path / OUTPUT / ONE
    refused = 0
    for n in range(EDITS):
        file.unlink(missing_ok=True)
        api.publish(here)
        content = file.read_text("utf-8")
        edited = _edited(content, luck)
        file.write_text(edited, "utf-8")
        if luck.random() < 0.5:
            write_session(tmp_path, "one", f"goal: Count to {n}\n")

        overwrite = luck.random() < 0.3
        done = api.publish(here, overwrite=overwrite)

        kept = [each.saved for each in done.written if each.saved]
        survives = [file, *(tmp_path / path for path in kept)]
        texts = [each.read_text("utf-8") for each in survives]
        words = publishing.signature(edited.encode()).text
        assert edited in texts or words == publishing.signature(content.encode()).text, n
        refused += bool(done.refused)
    assert refused > EDITS / 4


def _edited(text: str, luck: random.Random) -> str:
    """The text with something put in, taken out or changed somewhere."""
    at = luck.randrange(len(text))
    end = min(len(text), at + luck.choice((0, 1, 1, 5, 80)))
    return text[:at] + luck.choice(("", "x", "\n", "🎯", "mine\n\n", "<!-- -->")) + text[end:]
