"""Expressions in `{{ }}`, and what is derived from facts."""
