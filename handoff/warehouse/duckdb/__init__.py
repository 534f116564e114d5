"""DuckDB as a warehouse.

These modules import duckdb and sqlglot, which are slow, so they are imported only to open it.
"""
