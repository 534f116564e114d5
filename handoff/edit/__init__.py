"""Writing sessions: edits of the YAML, the next session, the walk through the blanks."""
