"""Whom to tell what, and when: escalation, updates, and the list of messages in the status."""
