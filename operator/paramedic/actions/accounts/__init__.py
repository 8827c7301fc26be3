"""Accounts that are locked: in the cluster, or at an identity provider."""
