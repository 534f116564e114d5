"""Session handoffs rendered from YAML, recorded results and templates."""

__version__ = "0.1.0"

import sys as _sys

if "typing_extensions" not in _sys.modules:
    # msgspec takes from it only what `typing` has since Python 3.11; importing it costs 4 ms
    _sys.modules["typing_extensions"] = None  # type: ignore[assignment]
    import msgspec as _msgspec  # noqa: F401

    del _sys.modules["typing_extensions"]
