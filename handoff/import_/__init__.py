"""A handoff written by hand, Markdown, as a session file.

reading → pieces → sections or skeleton → writing, and nothing goes out that `proving` has
not rendered and found to say the same.
"""
