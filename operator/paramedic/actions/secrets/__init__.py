"""Secrets that are rotated: who manages them, who reads them, what they held before."""
