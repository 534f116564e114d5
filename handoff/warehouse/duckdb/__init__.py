"""DuckDB as the embedded warehouse."""
