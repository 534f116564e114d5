"""Facts from beside the warehouse: logs, checkpoint files and git; never a shell command."""
