"""YAML into nodes and typed values; every mistake found, in its place."""
