"""Scaling: how far, where the number stands, whether there is room."""
