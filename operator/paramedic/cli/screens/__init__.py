"""Screens: pure functions from an incident and the time to what rich prints. No input, no output, no clock."""
