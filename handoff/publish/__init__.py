"""Documents in their folder: the writer, the index, the archive, and what may not get in."""
