"""Pods that are replaced: which, whether their budget allows it, how far it has come."""
