"""Live values: what a text cites, filled in from the facts."""
