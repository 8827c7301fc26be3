"""Jobs: what is run, and what became of it."""
