"""Telling people: the contract of a notifier, and one file for each way of doing it."""
