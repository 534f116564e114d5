"""Warehouses that run queries: BigQuery and DuckDB behind one protocol."""
