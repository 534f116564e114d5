"""Markdown handoffs as session files, and manual edits of documents back into them.

document → segments → sections or handoff_layout → convert; `verify` renders the result, and
only what renders to the same document is written.
"""
