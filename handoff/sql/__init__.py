"""Queries: `.sql` files, their headers, parameters and types."""
