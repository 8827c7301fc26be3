"""Patches: which fields may be set, how they are found and written."""
