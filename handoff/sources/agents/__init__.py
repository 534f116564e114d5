"""The session logs of coding agents: `claude` and `codex` read a format, `logs` the files."""
