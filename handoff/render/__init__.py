"""Session and facts into a Markdown document."""
