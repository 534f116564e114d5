"""Regular expressions that are compiled at their first use."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from handoff.base.patterns import lazy_pattern


def test_lazy_pattern_searches_like_a_compiled_one() -> None:
    pattern = lazy_pattern(r"(?P<word>[a-z]+)!", re.IGNORECASE)

    assert [match["word"] for match in pattern.finditer("Go! now")] == ["Go"]
    assert pattern.sub("x", "go!") == "x"
    assert pattern.pattern == r"(?P<word>[a-z]+)!"


@pytest.mark.parametrize(
    ("library", "pattern", "use"),
    [
        (
            "yaml",
            "yaml.reader.Reader.NON_PRINTABLE",
            "yaml.load('[1.5, 2026-01-03, yes]', Loader=yaml.SafeLoader)",
        ),
        ("jinja2", "jinja2.lexer.newline_re", "jinja2.Template('{{ 1.5 + a }}').render(a=2)"),
    ],
    ids=["yaml", "jinja2"],
)
def test_library_with_lazy_patterns_works_as_without(
    library: str, pattern: str, use: str
) -> None:
    code = (
        "import re, json, string\n"
        "from handoff.base.patterns import import_with_lazy_patterns\n"
        "compile_now = re.compile\n"
        f"import_with_lazy_patterns({library!r})\n"
        f"import {library}\n"
        f"print(type({pattern}) is re.Pattern, re.compile is compile_now, {use})"
    )
    plain = f"import {library}\nprint(False, True, {use})"

    lazy, compiled = (
        subprocess.run([sys.executable, "-c", each], capture_output=True, check=True).stdout
        for each in (code, plain)
    )

    assert lazy == compiled
