"""Nodes that are taken out of service: which, what leaves them, what stands in the way."""
