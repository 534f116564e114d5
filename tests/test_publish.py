from __future__ import annotations

from pathlib import Path

import pytest

from handoff.base.problems import Refused
from handoff.publish.signature import SignedDocument, signature, signed
from handoff.publish.writer import WriteResult, state, write

TEXT = "# One\n\nText\n"
DOC = "docs/one.md"


def test_a_file_taken_apart_gives_what_was_signed() -> None:
    assert signature(signed(TEXT, "one").encode()) == SignedDocument(TEXT, "one", intact=True)


def test_a_checkouts_line_ends_do_not_count_as_an_edit() -> None:
    content = signed(TEXT, "one").replace("\n", "\r\n").encode()

    assert state(content, TEXT, "one") == "current"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "missing"),
        (signed(TEXT, "one"), "current"),
        (signed(TEXT, "one").rstrip(), "current"),
        (signed("# Old\n", "one"), "outdated"),
        (TEXT, "outdated"),
        (signed(TEXT, "one").replace("Text", "Edited"), "edited"),
        (signed(TEXT, "one") + "More\n", "edited"),
        ("# By hand\n", "foreign"),
        ("", "foreign"),
        (signed(TEXT, "two"), "taken"),
        (signed("# Two\n", "two"), "taken"),
    ],
)
def test_state_of_a_file(content: str | None, expected: str) -> None:
    assert state(None if content is None else content.encode(), TEXT, "one") == expected


def test_writing_twice_changes_nothing_the_second_time(tmp_path: Path) -> None:
    assert write(tmp_path, DOC, TEXT, "one") == WriteResult(DOC, changed=True)
    assert write(tmp_path, DOC, TEXT, "one") == WriteResult(DOC, changed=False)
    assert (tmp_path / DOC).read_text() == signed(TEXT, "one")


def test_an_edited_document_is_refused_with_the_difference(tmp_path: Path) -> None:
    write(tmp_path, DOC, TEXT, "one")
    edited = (tmp_path / DOC).read_text().replace("Text", "Edited")
    (tmp_path / DOC).write_text(edited)

    with pytest.raises(Refused) as refused:
        write(tmp_path, DOC, TEXT, "one")

    assert str(refused.value).splitlines() == [
        "docs/one.md: error: edited manually since handoff wrote it: move the edits into the "
        "session file with 'handoff import --into one', or replace it with '--overwrite', "
        "which keeps its text aside (X001)",
        "--- docs/one.md (as it is)",
        "+++ docs/one.md (as rendered)",
        "@@ -1,3 +1,3 @@",
        " # One",
        " ",
        "-Edited",
        "+Text",
    ]
    assert (tmp_path / DOC).read_text() == edited


def test_edit_saved_while_the_document_is_written_is_kept(tmp_path: Path) -> None:
    write(tmp_path, DOC, TEXT, "one")

    def edited() -> None:
        (tmp_path / DOC).write_text("by hand\n")

    with pytest.raises(Refused, match="changed on disk while rendering"):
        write(tmp_path, DOC, "# New\n", "one", gate=edited)

    assert (tmp_path / DOC).read_text() == "by hand\n"
    assert list((tmp_path / "docs").iterdir()) == [tmp_path / DOC]


def test_overwriting_puts_the_old_text_aside_under_a_free_name(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    for n in (1, 2):
        (tmp_path / DOC).write_bytes(b"by hand %d\xff" % n)

        written = write(tmp_path, DOC, TEXT, "one", overwrite=True)

        assert written == WriteResult(DOC, changed=True, saved=f"docs/one.md.saved-{n}")
        assert (tmp_path / f"docs/one.md.saved-{n}").read_bytes() == b"by hand %d\xff" % n
        assert (tmp_path / DOC).read_text() == signed(TEXT, "one")


def test_a_document_that_is_a_link_out_of_the_repository_is_refused(tmp_path: Path) -> None:
    (tmp_path / "root/docs").mkdir(parents=True)
    (tmp_path / "target.md").write_text("theirs")
    (tmp_path / "root" / DOC).symlink_to(tmp_path / "target.md")

    with pytest.raises(Refused, match="leads outside the repository"):
        write(tmp_path / "root", DOC, TEXT, "one", overwrite=True)

    assert (tmp_path / "target.md").read_text() == "theirs"


def test_line_appended_below_the_digest_is_an_edit() -> None:
    content = f"{signed(TEXT, 's')}one more\n".encode()

    assert signature(content) == SignedDocument(f"{TEXT}\none more\n", "s", intact=False)
    assert state(content, TEXT, "s") == "edited"
