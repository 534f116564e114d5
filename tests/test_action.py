"""The GitHub action, its steps run as a runner would, and the hooks of pre-commit."""

from __future__ import annotations

from pathlib import Path

import pytest

from handoff import api
from handoff.problems import Refused


@pytest.mark.parametrize(
    ("value", "is_read"), [("", True), ("on", True), ("off", False), (" OFF ", False)]
)
def test_folders_outside_the_repository_can_be_taken_away(
    tmp_path: Path, value: str, is_read: bool
) -> None:
    for folder in ("root", "logs"):
        (tmp_path / folder).mkdir()
    (tmp_path / "logs/a.log").write_text("1\n")
    (tmp_path / "root/handoff.yaml").write_text(f"sources: [{tmp_path}/logs]\n")
    settings = [f"sources=[{tmp_path}/logs]"]

    project = api.open_project(
        str(tmp_path / "root"), settings=settings, environment={"HANDOFF_SOURCES": value}
    )

    if is_read:
        assert project.source("../logs/a.log") == tmp_path / "logs/a.log"
    else:
        with pytest.raises(Refused, match="leads outside the repository"):
            project.source("../logs/a.log")
