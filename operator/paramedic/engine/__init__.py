"""What to do next. Pure: an Incident as stored and what was seen go in, one decision comes out."""
