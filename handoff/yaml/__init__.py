"""YAML into nodes and typed values, edits and output; every error with its place."""
