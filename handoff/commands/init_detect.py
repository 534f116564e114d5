"""What a repository and its machine hold already: handoff documents, and an engine to ask.

Nothing is imported for it and nothing is asked over the network: names of files and variables
are enough for a proposal.
"""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from configparser import ConfigParser
from configparser import Error as ConfigError
from pathlib import Path, PurePosixPath

from msgspec import Struct

from handoff.project.settings import Engine

_HANDOFF = re.compile(r"hand[-_ ]?off", re.IGNORECASE)
_DATED = re.compile(r"(?<!\d)\d{4}-\d{2}-\d{2}(?!\d)")
_SESSION = re.compile(r"session[-_ ]?0*(\d+)", re.IGNORECASE)
_NONE = re.compile(r"readme|index|template|changelog", re.IGNORECASE)
"""Names that are no handoffs, in whatever folder they lie."""


class FoundDocuments(Struct, frozen=True):
    """The handoffs that somebody wrote before."""

    paths: tuple[str, ...]
    """The newest last, by the date in the name and the number of the session."""
    folder: str | None
    """Where most of them lie; `None` where that is the root."""
    naming: str
    """In words: `DATE-SESSION-N-TOPIC`."""
    next_number: int
    """Of the session after the newest."""


class DetectedEngine(Struct, frozen=True):
    """Which engine is likely to be there, and why."""

    engine: Engine
    because: str
    project: str | None = None
    """Of Google Cloud, where one is set."""


def documents(paths: Iterable[str]) -> FoundDocuments | None:
    """The handoffs among the repository's files; `None`: there are none."""
    found = sorted(filter(_is_handoff, paths), key=_age)
    if not found:
        return None
    homes = Counter(_home(path) for path in found)
    most = min(homes, key=lambda home: (-homes[home], len(home), home))
    return FoundDocuments(
        paths=tuple(found),
        folder=None if most == "." else most,
        naming=_naming(found),
        next_number=_number(found[-1]) + 1,
    )


def warehouse(environment: Mapping[str, str], home: Path) -> DetectedEngine:
    """The engine that the machine speaks for: BigQuery where there is a trace of it."""
    trace = next(_traces(environment, home), None)
    if trace is None:
        # the program alone says nothing of a project, and the first render would fail
        has_bq = shutil.which("bq", path=environment.get("PATH", ""))
        return DetectedEngine("duckdb", _ONLY_BQ if has_bq else _NOTHING)
    return DetectedEngine("bigquery", trace, _project(environment, home))


# --- documents -----------------------------------------------------------------------------


def _is_handoff(path: str) -> bool:
    file = PurePosixPath(path)
    if file.suffix.casefold() != ".md" or _NONE.search(file.stem):
        return False
    in_folder = any(_HANDOFF.search(part) for part in file.parts[:-1])
    named = _DATED.search(file.stem) and _SESSION.search(file.stem)
    return bool(in_folder or named or _HANDOFF.search(file.stem))


def _age(path: str) -> tuple[str, int, str]:
    dated = _DATED.search(PurePosixPath(path).name)
    return dated[0] if dated else "", _number(path), path


def _number(path: str) -> int:
    numbered = _SESSION.search(PurePosixPath(path).stem)
    # a longer number is a date or a hash
    return int(numbered[1]) if numbered and len(numbered[1]) < 6 else 0


def _home(path: str) -> str:
    """The folder of handoffs that `path` lies in: months beneath it are one home."""
    folder = PurePosixPath(path).parent
    named = [n for n, part in enumerate(folder.parts, 1) if _HANDOFF.search(part)]
    return str(PurePosixPath(*folder.parts[: named[0]])) if named else str(folder)


def _naming(paths: list[str]) -> str:
    """How most of the files are called."""
    kinds = Counter(_kind(PurePosixPath(path).stem) for path in paths)
    return kinds.most_common(1)[0][0]


def _kind(stem: str) -> str:
    parts = [
        "DATE" if _DATED.match(stem) else "",
        "SESSION-N" if _SESSION.search(stem) else "TOPIC",
        "HANDOFF" if _HANDOFF.search(stem) else "",
    ]
    return "-".join(part for part in parts if part)


# --- the warehouse -------------------------------------------------------------------------

_NOTHING = "no trace of Google Cloud here, so the sample warehouse"
_ONLY_BQ = "'bq' is installed but no project or credentials are set, so the sample warehouse"
_PROJECTS = ("GOOGLE_CLOUD_PROJECT", "CLOUDSDK_CORE_PROJECT", "GCLOUD_PROJECT")
_VARIABLES = ("GOOGLE_APPLICATION_CREDENTIALS", "BIGQUERY_EMULATOR_HOST", *_PROJECTS)


def _traces(environment: Mapping[str, str], home: Path) -> Iterator[str]:
    for name in _VARIABLES:
        if environment.get(name):
            yield f"{name} is set"
    folder = _gcloud(environment, home)
    if (folder / "application_default_credentials.json").is_file():
        yield "gcloud has left credentials"
    if (folder / "configurations" / "config_default").is_file():
        yield "gcloud is configured"


def _project(environment: Mapping[str, str], home: Path) -> str | None:
    named = next((environment[name] for name in _PROJECTS if environment.get(name)), None)
    folder = _gcloud(environment, home)
    return named or _configured(folder) or _quota_project(folder)


def _configured(folder: Path) -> str | None:
    """The project of gcloud's active configuration."""
    try:
        active = (folder / "active_config").read_text("utf-8").strip() or "default"
    except (OSError, UnicodeDecodeError):
        active = "default"
    parser = ConfigParser(interpolation=None)
    try:
        parser.read(folder / "configurations" / f"config_{active}", "utf-8")
    except (OSError, UnicodeDecodeError, ConfigError):
        return None
    return parser.get("core", "project", fallback=None)


def _quota_project(folder: Path) -> str | None:
    try:
        text = (folder / "application_default_credentials.json").read_text("utf-8")
        found = json.loads(text).get("quota_project_id")
    except (OSError, ValueError, AttributeError):
        return None
    return found if isinstance(found, str) else None


def _gcloud(environment: Mapping[str, str], home: Path) -> Path:
    """Where gcloud keeps its files."""
    chosen = environment.get("CLOUDSDK_CONFIG")
    if chosen:
        return Path(chosen)
    roaming = environment.get("APPDATA")
    return Path(roaming) / "gcloud" if roaming else home / ".config" / "gcloud"
