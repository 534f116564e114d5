"""`schema`: print the JSON Schema of the YAML files."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from handoff.commands import console


def schema(
    settings: Annotated[
        bool, typer.Option("--settings", help="Print the schema of handoff.yaml instead.")
    ] = False,
) -> int:
    from handoff.project.settings import SCHEMA as SETTINGS_SCHEMA  # slow, as the other one
    from handoff.session.keys import SCHEMA

    chosen = SETTINGS_SCHEMA if settings else SCHEMA
    console.out(f"{json.dumps(chosen, ensure_ascii=False, indent=2)}\n")
    return 0
