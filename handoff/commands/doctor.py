"""`doctor`: what is set from where, and what to mend."""

from __future__ import annotations

from handoff import api
from handoff.base.problems import worst
from handoff.base.report import printable
from handoff.commands import console, options
from handoff.commands.doctor_checks import DoctorStep, examination


def doctor(
    engine: options.Engine = None,
    settings: options.Settings = None,
    root: options.Root = None,
) -> int:
    """Say what is set from where, and what to mend.

    Credentials and engine are tried.
    """
    project = api.open_project(root, settings=settings or ())
    ill: list[str] = []
    for finding in examination(project, engine=engine, progress=console.ProgressLine()):
        console.out(_line(finding))
        ill += [] if finding.ok else [finding.what]
    console.note(f"{len(ill)} to mend" if ill else "all is well")
    return worst(2 if what in ("repository", "engine") else 3 for what in ill)


def _line(finding: DoctorStep) -> str:
    mark = "✅" if finding.ok else "❌"
    mend = f"\n   → {printable(finding.mend)}" if finding.mend else ""
    return f"{mark} {finding.what}: {printable(finding.detail)}{mend}\n"
