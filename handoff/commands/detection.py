"""What `init` detects: handoffs, the engine, a DuckDB file, a folder of documentation."""

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


class FoundDocuments(Struct, frozen=True):
    """The handoff documents that exist already."""

    paths: tuple[str, ...]
    """The newest last, by the date in the name and the number of the session."""
    folder: str | None
    """Where most of them are; `None` where that is the root."""
    naming: str
    """How they are named: `DATE-SESSION-N-TOPIC`."""
    next_number: int
    """Of the session after the newest."""


class DetectedEngine(Struct, frozen=True):
    """The engine that is probably available, and why."""

    engine: Engine
    because: str
    project: str | None = None
    """The Google Cloud project, where one is set."""


# --- existing documents --------------------------------------------------------------------

_HANDOFF = re.compile(r"hand[-_ ]?off", re.IGNORECASE)
_DATED = re.compile(r"(?<!\d)\d{4}-\d{2}-\d{2}(?!\d)")
_SESSION = re.compile(r"session[-_ ]?0*(\d+)", re.IGNORECASE)
_OTHER = re.compile(r"readme|index|template|changelog", re.IGNORECASE)
"""Names that are not handoffs, in whatever folder."""


def find_documents(paths: Iterable[str]) -> FoundDocuments | None:
    """The handoffs among the repository's files, by name; `None` where there are none."""
    found = sorted(filter(is_handoff, paths), key=_age)
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


def is_handoff(path: str) -> bool:
    file = PurePosixPath(path)
    if file.suffix.casefold() != ".md" or _OTHER.search(file.stem):
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
    """The folder of handoffs that holds `path`, without a folder for each month."""
    folder = PurePosixPath(path).parent
    named = [n for n, part in enumerate(folder.parts, 1) if _HANDOFF.search(part)]
    return str(PurePosixPath(*folder.parts[: named[0]])) if named else str(folder)


def _naming(paths: list[str]) -> str:
    """How most of the files are named."""
    kinds = Counter(_kind(PurePosixPath(path).stem) for path in paths)
    return kinds.most_common(1)[0][0]


def _kind(stem: str) -> str:
    parts = [
        "DATE" if _DATED.match(stem) else "",
        "SESSION-N" if _SESSION.search(stem) else "TOPIC",
        "HANDOFF" if _HANDOFF.search(stem) else "",
    ]
    return "-".join(part for part in parts if part)


# --- folders and files ---------------------------------------------------------------------

_DOCS = ("docs", "doc", "documentation")
_DATABASES = (".duckdb", ".ddb", ".db")
_DUCKDB = b"DUCK"
"""At byte 8 of every DuckDB file."""
_DEEPEST = 2


def find_folder(root: Path, output: str) -> str:
    """`output` in the documentation folder that exists; unchanged where there is none."""
    default, _, name = output.partition("/")
    existing = {each.name.casefold(): each.name for each in root.iterdir() if each.is_dir()}
    folder = next((existing[each] for each in _DOCS if each in existing), default)
    return f"{folder}/{name}"


def find_database(root: Path, paths: Iterable[str]) -> str | None:
    """A DuckDB file in the root or in a folder of it, the one in the root first."""
    candidates = [PurePosixPath(path) for path in paths if path.casefold().endswith(_DATABASES)]
    near = [path for path in candidates if len(path.parts) <= _DEEPEST]
    near.sort(key=lambda path: (len(path.parts), str(path)))
    return next((str(path) for path in near if _is_duckdb(root / path)), None)


def _is_duckdb(file: Path) -> bool:
    try:
        with file.open("rb") as opened:
            return opened.read(12)[8:] == _DUCKDB
    except OSError:
        return False


# --- the engine ----------------------------------------------------------------------------

_NO_TRACE = "no Google Cloud configuration found; using the sample warehouse"
_ONLY_BQ = "'bq' is installed but has no project or credentials; using the sample warehouse"
_PROJECTS = ("GOOGLE_CLOUD_PROJECT", "CLOUDSDK_CORE_PROJECT", "GCLOUD_PROJECT")
_VARIABLES = ("GOOGLE_APPLICATION_CREDENTIALS", "BIGQUERY_EMULATOR_HOST", *_PROJECTS)


def detect_engine(
    environment: Mapping[str, str], home: Path, database: str | None = None
) -> DetectedEngine:
    """DuckDB for a `database` in the repository, BigQuery where its files or variables exist.

    Else DuckDB on the sample. Found without a network.
    """
    if database is not None:
        return DetectedEngine("duckdb", f"found {database}")
    trace = next(_traces(environment, home), None)
    if trace is None:
        # without a project the first render would fail
        has_bq = shutil.which("bq", path=environment.get("PATH", ""))
        return DetectedEngine("duckdb", _ONLY_BQ if has_bq else _NO_TRACE)
    return DetectedEngine("bigquery", trace, _project(environment, home))


def _traces(environment: Mapping[str, str], home: Path) -> Iterator[str]:
    for name in _VARIABLES:
        if environment.get(name):
            yield f"{name} is set"
    folder = _gcloud(environment, home)
    if (folder / "application_default_credentials.json").is_file():
        yield "gcloud credentials found"
    if (folder / "configurations" / "config_default").is_file():
        yield "gcloud configuration found"


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
