"""Templates from strangers, rendered within bounds, and their text put in order."""
