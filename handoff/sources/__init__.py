"""Sources of facts other than a warehouse: logs, JSON files and git; never a shell command."""
