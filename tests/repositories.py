"""Small git repositories for tests."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path


def git(root: Path, *words: str, day: int = 1) -> str:
    """What git says, at noon of a day of January 2026 where a commit needs a time."""
    at = f"2026-01-{day:02} 12:00:00 +0000"
    clean = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    who = {
        f"GIT_{role}_{part}": value
        for role in ("AUTHOR", "COMMITTER")
        for part, value in (("NAME", "A"), ("EMAIL", "a@example.org"), ("DATE", at))
    }
    quiet = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(
        ("git", *words),
        cwd=root,
        env={**clean, **who, **quiet},
        capture_output=True,
        check=True,
    )
    return done.stdout.decode()


def repository(root: Path) -> Path:
    """An empty one."""
    root.mkdir(parents=True, exist_ok=True)
    git(root, "init", "-q", "-b", "main")
    return root


def commit(root: Path, subject: str, day: int = 1, **files: str) -> str:
    """Commit all there is, with `files` (`a__b` is `a/b`); its hash."""
    for name, content in files.items():
        write(root, name.replace("__", "/"), content)
    git(root, "add", "-A")
    git(root, "commit", "-q", "--allow-empty", "-m", subject, day=day)
    return git(root, "rev-parse", "HEAD").strip()


def write(root: Path, path: str, content: str) -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content, "utf-8")
