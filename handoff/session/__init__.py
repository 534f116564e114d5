"""A session file: its keys, its model, and how it is read."""
