"""Files that come with the package: templates, sample queries, the list of checks."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

_PACKAGE = Path(__file__).parent.parent


def data_folder(name: Literal["docs", "sql", "templates"]) -> Path:
    """The package's folder `name`: inside it in a wheel, next to it in a checkout."""
    packed = _PACKAGE / "_data" / name
    return packed if packed.is_dir() else _PACKAGE.parent / name
