"""A project: its folder and its settings."""
