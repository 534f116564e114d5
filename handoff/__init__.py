"""Session handoffs rendered from YAML, recorded answers and templates."""

__version__ = "0.1.0"
