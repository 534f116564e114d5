"""Regular expressions that are compiled at their first use.

Compiling those of a whole command at import took 10 of the 50 ms that a render adds to its
imports, and most of them search nothing in a given run.
"""

from __future__ import annotations

import re
import sys
from importlib import import_module
from typing import Any, AnyStr, cast


def lazy_pattern(source: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """`re.compile(source, flags)`, done when it is first searched with."""
    return cast("re.Pattern[AnyStr]", _Pattern(source, flags))


_compile = re.compile


class _Pattern:
    def __init__(self, source: str | bytes, flags: int) -> None:
        self._source, self._flags = source, flags

    def __getattr__(self, name: str) -> Any:
        found = getattr(_compile(self._source, self._flags), name)
        setattr(self, name, found)  # the next time it is found without this method
        return found


def import_with_lazy_patterns(library: str) -> None:
    """Import a library whose own patterns are compiled at their first use, too.

    For one that calls only methods of its patterns: PyYAML and Jinja compile 40, of which a
    render needs a few; the others took 8 of its 140 ms.
    """
    if library in sys.modules:
        return

    def compile_later(source: Any, flags: int = 0) -> Any:
        module = str(sys._getframe(1).f_globals.get("__name__"))
        is_own = module.partition(".")[0] == library  # not what the library imports
        return lazy_pattern(source, flags) if is_own else _compile(source, flags)

    re.compile = compile_later  # type: ignore[assignment]
    try:
        import_module(library)
    finally:
        re.compile = _compile
