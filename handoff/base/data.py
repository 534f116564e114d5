"""What comes with the package: its templates and its sample questions."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

_PACKAGE = Path(__file__).parent.parent


def data_folder(name: Literal["sql", "templates"]) -> Path:
    """The package's own `name`: inside a wheel, or beside the package in a checkout."""
    packed = _PACKAGE / "_data" / name
    return packed if packed.is_dir() else _PACKAGE.parent / name
